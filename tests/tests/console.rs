//! What operators do: change the knowledge base while it is served (an agent's answer becomes a suggestion, a second person approves
//! it, and the next citizen gets it), and keep what citizens leave.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use end_to_end::voices::{HeldOutVoices, between_silences, pcm16};
use end_to_end::{Desk, ServerProcess, ServerSettings, Shared};
use examples::cluster::Cluster;
use examples::{Client, StartOptions};
use language::Language;
use serde_json::{Value, json};
use speech::codec::wav;

async fn person(server: &ServerProcess, name: &str, role: &str) -> Desk {
    let output = server.command(&["people", "add", name, "--role", role, "--languages", "bo,zh"]).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find(|line| line.to_lowercase().contains("password")).unwrap();
    Desk::login_anew(server, name, line.rsplit(' ').next().unwrap()).await.unwrap()
}

/// What a citizen gets who asks this in words: the answer's entry, or the kind of what came instead.
async fn asked(server: &ServerProcess, language: &str, question: &str) -> (String, Value) {
    let mut client = Client::connect(&server.portal()).await.unwrap();
    client.start(&StartOptions::text(language)).await.unwrap();
    client.say(question).await.unwrap();
    let told = client.wait_for_any(&["answer", "clarify", "say", "escalated"]).await.unwrap();
    let kind = told["type"].as_str().unwrap().to_owned();
    (told["entry"].as_str().map_or(kind, str::to_owned), told)
}

/// A question that no entry answers, and what an agent says to it.
const UNKNOWN: [(&str, &str, &str); 2] = [
    ("zh", "虫草采集证在哪里办理？", "虫草采集证请到乡政府办理，带上户口本。（示例）"),
    ("bo", "དབྱར་རྩྭ་དགུན་འབུ་བརྐོ་བའི་ལག་འཁྱེར་གང་ནས་བཟོ་དགོས།", "ཤང་སྲིད་གཞུང་ནས་བཟོ་དགོས། ཐེམ་ཐོ་འཁྱེར་རོགས། (དཔེ་མཚོན།)"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_answer_is_suggested_approved_by_another_and_given_to_the_next_citizen() {
    let mut server = ServerProcess::start(&ServerSettings::default()).await.unwrap();
    let agent = person(&server, "dolma", "agent").await;
    let editor = person(&server, "pema", "editor").await;
    let reviewer = person(&server, "tashi", "reviewer").await;
    for (language, question, answer) in UNKNOWN {
        let (before, told) = asked(&server, language, question).await;
        assert!(!before.starts_with("answer-"), "{told}");

        // The citizen asks for a person, and the agent answers.
        let mut citizen = Client::connect(&server.portal()).await.unwrap();
        let welcome = citizen.start(&StartOptions::text(language)).await.unwrap();
        let conversation = welcome["conversation"].as_str().unwrap().to_owned();
        citizen.say(question).await.unwrap();
        citizen.wait_for_any(&["answer", "clarify", "say"]).await.unwrap();
        citizen.send(json!({"type": "person", "id": "p"})).await.unwrap();
        citizen.wait_for("escalated").await.unwrap();
        let path = |act: &str| format!("conversations/{conversation}/{act}");
        agent.done(&path("claim"), json!({})).await.unwrap();
        let sent = agent.done(&path("messages"), json!({"id": "a1", "text": answer})).await.unwrap();
        assert_eq!(citizen.wait_for("agent_message").await.unwrap()["text"], answer);

        // The answer becomes a suggestion. Those who wrote it cannot approve it, whatever they may.
        let suggestion = json!({"answer_seq": sent["seq"], "note": "常有人问"});
        let made = agent.done(&path("propose"), suggestion).await.unwrap();
        let id = made["id"].as_str().unwrap();
        let approval = json!({"proposals": [{"id": id, "version": 1}]});
        assert_eq!(agent.post("approvals", approval.clone()).await.unwrap().0, 403, "agents approve nothing");
        assert_eq!(editor.post("approvals", approval.clone()).await.unwrap().0, 403, "nor do editors");
        let whole = reviewer.get(&format!("proposals/{id}")).await.unwrap();
        assert_eq!(whole["content"][language]["question"], question);
        assert_eq!(whole["proposal"]["origin"]["conversation"], conversation.as_str());

        // An editor puts it in order, which makes it theirs as well; it is another version then.
        let mut content = whole["content"].clone();
        content["topic"] = "farming".into();
        content[language]["steps"] = json!([answer]);
        let change = json!({"version": 1, "entry": content["id"], "content": content, "note": "理好了"});
        editor.done(&format!("proposals/{id}"), change).await.unwrap();
        let (status, refused) = reviewer.post("approvals", approval).await.unwrap();
        assert_eq!((status, &refused["error"]["code"]), (409, &json!("changed")), "{refused}");
        let (entry, _) = asked(&server, language, question).await;
        assert!(!entry.starts_with("answer-"), "nothing is served before it is approved");

        let approval = json!({"proposals": [{"id": id, "version": 2}]});
        let published = reviewer.done("approvals", approval).await.unwrap();
        let (entry, told) = asked(&server, language, question).await;
        assert_eq!(json!(entry), content["id"], "{told}");
        assert_eq!(told["text"], answer);
        let knowledge = reviewer.get("knowledge").await.unwrap();
        assert_eq!(knowledge["revision"], published["revision"]);
        let one = reviewer.get(&format!("knowledge/{entry}")).await.unwrap();
        let text = &one["entry"][language];
        assert_eq!((&text["review"], &text["reviewed"]["by"]), (&json!("published"), &json!("pema")));
        assert_eq!(text["published"]["by"], "tashi");
    }
    // It is on disk: a server that is killed has it when it is back.
    server.kill_and_restart().await.unwrap();
    for (language, question, answer) in UNKNOWN {
        let (_, told) = asked(&server, language, question).await;
        assert_eq!(told["text"], answer, "{told}");
    }
    let auditor = person(&server, "nyima", "auditor").await;
    let trail = auditor.get("audit").await.unwrap();
    let count = |action: &str| {
        let records = trail["records"].as_array().unwrap();
        records.iter().filter(|record| record["action"] == action).count()
    };
    assert_eq!(
        (count("proposal.submitted"), count("proposal.changed"), count("knowledge.published")),
        (2, 2, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_changes_an_entry_and_what_is_wrong_is_told_before_it_is_served() {
    let server = ServerProcess::start(&ServerSettings::default()).await.unwrap();
    let editor = person(&server, "pema", "editor").await;
    let second = person(&server, "sonam", "editor").await;
    let reviewer = person(&server, "tashi", "reviewer").await;
    let one = editor.get("knowledge/idcard-renew").await.unwrap();
    let mut content = one["entry"].clone();
    content["zh"]["written"] = "新的规定：网上就可以换。（示例）".into();
    content["zh"]["spoken"] = "网上就可以换。".into();
    content["zh"]["review"] = "published".into();
    let proposed = |content: &Value, base: &Value| json!({"entry": "idcard-renew", "content": content, "base": base, "compared": {"zh": false, "bo": false}});
    // What could not be published is not taken.
    let mut wrong = content.clone();
    wrong["links"] = json!([{"label": {"zh": "坏", "bo": "མ་འགྲིག"}, "url": "http://192.168.0.1"}]);
    let checked = editor.done("knowledge/check", json!({"entry": wrong})).await.unwrap();
    assert!(checked["problems"].as_array().unwrap().iter().any(|p| p["severity"] == "error"), "{checked}");
    assert_eq!(editor.post("proposals", proposed(&wrong, &one["base"])).await.unwrap().0, 422);

    let first = editor.done("proposals", proposed(&content, &one["base"])).await.unwrap();
    let late = second.done("proposals", proposed(&content, &one["base"])).await.unwrap();
    let id = |whole: &Value| whole["proposal"]["id"].as_str().unwrap().to_owned();
    let approval = |id: String| json!({"proposals": [{"id": id, "version": 1}]});
    reviewer.done("approvals", approval(id(&first))).await.unwrap();
    let (entry, told) = asked(&server, "zh", "身份证到期了怎么换？").await;
    assert_eq!((entry.as_str(), &told["text"]), ("idcard-renew", &content["zh"]["written"]));
    // The Tibetan is behind now, and whoever asks in it is told so.
    let (_, told) = asked(&server, "bo", one["entry"]["bo"]["question"].as_str().unwrap()).await;
    assert_eq!(told["entry"], "idcard-renew");
    // The second change was made on what is not served any more.
    assert_eq!(reviewer.post("approvals", approval(id(&late))).await.unwrap().0, 409);
    let seen = reviewer.get(&format!("proposals/{}", id(&late))).await.unwrap();
    assert_eq!(seen["outdated"], true);
    let refused = json!({"version": 1, "reason": "已有更新"});
    let refused = reviewer.done(&format!("proposals/{}/refuse", id(&late)), refused).await.unwrap();
    assert_eq!(refused["proposal"]["state"], "refused");

    // The try-out box tells why.
    let tried = json!({"text": "身份证过期了要怎么换", "language": "zh"});
    let tried = editor.done("knowledge/try", tried).await.unwrap();
    let best = &tried["explanation"]["considered"][0];
    assert_eq!(best["entry"], "idcard-renew", "{tried}");
    assert!(best["reasons"].as_array().unwrap().len() > 3);

    // Exported, and imported again with one word changed, one entry is a proposal.
    for format in ["yaml", "csv", "xlsx"] {
        let path = format!("knowledge-file?format={format}");
        let file = editor.request(reqwest::Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
        let again = editor.request(reqwest::Method::POST, &path).body(file.clone()).send().await.unwrap();
        let again: Value = again.json().await.unwrap();
        assert_eq!((&again["submitted"], &again["problems"]), (&json!(0), &json!([])), "{format}: {again}");
        if format != "xlsx" {
            let text = String::from_utf8(file.to_vec())
                .unwrap()
                .replace("网上就可以换。（示例）", "到网上换。（示例）");
            let again = editor.request(reqwest::Method::POST, &path).body(text).send().await.unwrap();
            let again: Value = again.json().await.unwrap();
            assert_eq!(again["submitted"], 1, "{format}: {again}");
        }
    }
    let rubbish = editor.request(reqwest::Method::POST, "knowledge-file?format=xlsx").body("no workbook");
    let rubbish: Value = rubbish.send().await.unwrap().json().await.unwrap();
    assert_eq!(rubbish["submitted"], 0);
    assert!(!rubbish["problems"].as_array().unwrap().is_empty(), "{rubbish}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_publishes_all_nodes_serve() {
    let cluster = Cluster::start("").unwrap();
    let keys = tempfile::tempdir().unwrap();
    let shared = Shared { database: cluster.database().unwrap(), key_file: keys.path().join("town.key") };
    let settings = ServerSettings { shared: Some(shared), ..ServerSettings::default() };
    let one = ServerProcess::start(&settings).await.unwrap();
    let two = ServerProcess::start(&settings).await.unwrap();
    let editor = person(&one, "pema", "editor").await;
    let reviewer = person(&two, "tashi", "reviewer").await;
    let (language, question, answer) = UNKNOWN[1];
    let text = json!({"question": question, "spoken": answer, "written": answer, "review": "published"});
    let content = json!({"id": "caterpillar", "topic": "farming", "bo": text});
    let made = editor.done("proposals", json!({"entry": "caterpillar", "content": content})).await.unwrap();
    let approval = json!({"proposals": [{"id": made["proposal"]["id"], "version": 1}]});
    reviewer.done("approvals", approval).await.unwrap();
    assert_eq!(asked(&two, language, question).await.0, "caterpillar");
    let begun = Instant::now();
    while asked(&one, language, question).await.0 != "caterpillar" {
        assert!(begun.elapsed() < Duration::from_mins(2), "the other node never learned of it");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // One that comes later has it from the beginning.
    let three = ServerProcess::start(&settings).await.unwrap();
    assert_eq!(asked(&three, language, question).await.0, "caterpillar");
}

/// Whoever gets the conversation hears in its transcript what the citizen has left; nobody may before.
async fn heard_by_an_agent(agent: &Desk, citizen: &mut Client, conversation: &str, samples: usize) {
    let path = format!("conversations/{conversation}");
    assert_eq!(agent.try_get(&path).await.unwrap().0, 403);
    citizen.send(json!({"type": "person", "id": "p"})).await.unwrap();
    citizen.wait_for("escalated").await.unwrap();
    let view = agent.get(&path).await.unwrap();
    let spoken = view["events"].as_array().unwrap().iter().find(|event| event["source"] == "voice").unwrap();
    assert_eq!(view["left"], json!([spoken["seq"]]));
    assert!(spoken.get("sound").is_none(), "what is said to the assistant is not kept by itself");
    let sound = format!("{path}/sound?seq={}", spoken["seq"]);
    let heard = agent.request(reqwest::Method::GET, &sound).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(wav::decode(&heard).unwrap().len(), samples);
    let nothing = format!("{path}/sound?seq=1");
    assert_eq!(agent.request(reqwest::Method::GET, &nothing).send().await.unwrap().status(), 404);
}

/// Both recordings of an exported table are read, heard and understood.
fn calibrated_on(server: &ServerProcess, manifest: &str) {
    let output = server.command(&["calibrate", "--manifest", manifest, "--dry-run", "--json"]).unwrap();
    // One is too few to calibrate on; it is read, heard and understood all the same.
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    for language in figures["languages"].as_array().unwrap() {
        let before = &language["before"];
        assert_eq!((&before["asked"], &before["right_first"]), (&json!(1), &json!(1)), "{figures}");
    }
    assert_eq!(figures["languages"].as_array().unwrap().len(), 2);
}

/// Training reads an exported table: the Tibetan recording, whose words somebody has written down, and not the other.
fn trained_on(manifest: &str, said: &str) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../training/own.py");
    let own = Command::new("python3").arg(own).arg(manifest).output().unwrap();
    let (rows, left_out) = (String::from_utf8(own.stdout).unwrap(), String::from_utf8(own.stderr).unwrap());
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!(rows.len(), 1, "{rows:?} {left_out}");
    assert_eq!(rows[0][1..], ["bo", said], "{rows:?}");
    assert!(Path::new(rows[0][0]).is_file() && left_out.contains("1 without words"), "{left_out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_citizen_leaves_is_kept_with_what_was_meant_and_calibrated_on_until_it_is_erased() {
    let settings =
        ServerSettings { configuration: "[portal]\nrecordings = true\n".into(), ..ServerSettings::default() };
    let server = ServerProcess::start(&settings).await.unwrap();
    let (editor, agent) = (person(&server, "pema", "editor").await, person(&server, "dolma", "agent").await);
    let voices = HeldOutVoices::load().unwrap();
    let http = reqwest::Client::new();
    let config: Value =
        http.get(format!("{}/v1/portal/config", server.http())).send().await.unwrap().json().await.unwrap();
    assert_eq!(config["recordings"], true);
    let mut conversations = Vec::new();
    for language in Language::ALL {
        let asked = editor.get("knowledge/idcard-renew").await.unwrap();
        let asked = asked["entry"][language.code()]["question"].as_str().unwrap().to_owned();
        let sound = between_silences(&voices.say(1, &asked, language).unwrap(), 0.3, 0.3);
        let mut citizen = Client::connect(&server.portal()).await.unwrap();
        let welcome = citizen.start(&StartOptions::voice(language.code())).await.unwrap();
        conversations.push(welcome["conversation"].as_str().unwrap().to_owned());
        let turn = citizen.speak(&pcm16(&sound), false).await.unwrap();
        let url = format!("{}/v1/portal/recordings", server.http());
        let leave = |token: String, message: String, file: Vec<u8>| {
            http.post(&url).query(&[("message", message)]).bearer_auth(token).body(file).send()
        };
        let token = citizen.token.clone().unwrap();
        let file = wav::encode(&sound, 16_000).unwrap();
        let told = citizen.wait_for_any(&["answer", "clarify"]).await.unwrap();
        let answer = if told["type"] == "clarify" {
            // Before it is known what was meant, there is nothing to be learned.
            assert_eq!(leave(token.clone(), turn.clone(), file.clone()).await.unwrap().status(), 409);
            let choices = told["choices"].as_array().unwrap();
            let place = choices.iter().position(|choice| choice["entry"] == "idcard-renew").unwrap() + 1;
            let choose = json!({"type": "choose", "id": "c", "clarify_seq": told["seq"], "choice": place});
            citizen.send(choose).await.unwrap();
            citizen.wait_for("answer").await.unwrap()
        } else {
            told.clone()
        };
        assert_eq!(answer["entry"], "idcard-renew");
        assert_eq!(leave("no-token".into(), turn.clone(), file.clone()).await.unwrap().status(), 401);
        assert_eq!(leave(token.clone(), "another".into(), file.clone()).await.unwrap().status(), 409);
        let rubbish = leave(token.clone(), turn.clone(), b"no sound".to_vec()).await.unwrap();
        assert_eq!(rubbish.status(), 422);
        let left = leave(token.clone(), turn.clone(), file.clone()).await.unwrap();
        assert_eq!(left.status(), 201);
        let left: Value = left.json().await.unwrap();
        let again: Value =
            leave(token.clone(), turn.clone(), file.clone()).await.unwrap().json().await.unwrap();
        assert_eq!(left, again, "the same turn is kept once");

        let listed = editor.get("recordings").await.unwrap();
        let one = listed["recordings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == left["id"])
            .unwrap()
            .clone();
        assert_eq!((&one["entry"], &one["question"]), (&json!("idcard-renew"), &json!(asked)));
        let by = if told["type"] == "clarify" { "choice" } else { "answer" };
        assert_eq!((&one["by"], one["language"].as_str()), (&json!(by), Some(language.code())));
        assert!((one["seconds"].as_f64().unwrap() - sound.len() as f64 / 16_000.0).abs() < 0.01, "{one}");
        let path = format!("recordings/{}/sound", left["id"].as_str().unwrap());
        let heard = editor.request(reqwest::Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
        let heard = wav::decode(&heard).unwrap();
        let farthest = heard.iter().zip(&sound).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(heard.len() == sound.len() && farthest < 0.001, "{farthest}");
        heard_by_an_agent(&agent, &mut citizen, welcome["conversation"].as_str().unwrap(), sound.len()).await;
    }
    // Nothing of it stands readable in the database.
    let database = std::fs::read(server.directory().join("data/conversations.sqlite")).unwrap();
    let wal = std::fs::read(server.directory().join("data/conversations.sqlite-wal")).unwrap_or_default();
    for bytes in [&database, &wal] {
        assert!(
            !bytes.windows(4).any(|window| window == b"RIFF"),
            "a recording stands unsealed in the database"
        );
    }

    // Somebody writes down what is said in one of them; in a masked form it is not taken.
    let listed = editor.get("recordings").await.unwrap()["recordings"].as_array().unwrap().clone();
    let tibetan = listed.iter().find(|one| one["language"] == "bo").unwrap();
    let path = format!("recordings/{}", tibetan["id"].as_str().unwrap());
    let said = tibetan["question"].as_str().unwrap();
    assert_eq!(editor.post(&path, json!({"said": "****5678"})).await.unwrap().0, 422);
    assert_eq!(editor.post(&path, json!({"said": format!("  {said}\n")})).await.unwrap().0, 204);
    assert_eq!(editor.post("recordings/ffff", json!({"said": said})).await.unwrap().0, 404);

    // The archive is what `assistant calibrate` reads, and what training does.
    let archive = editor.request(reqwest::Method::GET, "recordings/export").send().await.unwrap();
    let archive = archive.error_for_status().unwrap().bytes().await.unwrap();
    let folder = server.directory().join("export");
    zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap().extract(&folder).unwrap();
    let manifest = folder.join("recordings.tsv").display().to_string();
    calibrated_on(&server, &manifest);
    trained_on(&manifest, said);

    // A citizen takes theirs back; another one's ends with its conversation.
    let listed = editor.get("recordings").await.unwrap();
    assert_eq!(listed["recordings"].as_array().unwrap().len(), 2);
    let erased = server.command(&["erase", &conversations[0], "--why", "asked for"]).unwrap();
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let left = editor.get("recordings").await.unwrap()["recordings"].as_array().unwrap().clone();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["conversation"], conversations[1].as_str());
    let path = format!("recordings/{}/remove", left[0]["id"].as_str().unwrap());
    assert_eq!(editor.post(&path, json!({})).await.unwrap().0, 204);
    assert_eq!(editor.post(&path, json!({})).await.unwrap().0, 404);
    assert_eq!(editor.get("recordings").await.unwrap()["recordings"], json!([]));
}
