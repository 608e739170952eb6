//! A citizen types a question, in either language, and gets the answer; nothing is lost or doubled when the link breaks.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use assistant::phrases::{Phrase, say};
use common::{close_code, error, has_script, question, shared, start};
use examples::{Client, Message, StartOptions};
use serde_json::json;

#[tokio::test]
async fn a_question_of_the_knowledge_base_is_answered_in_both_languages() {
    for language in ["bo", "zh"] {
        let mut client = shared().citizen(language).await;
        client.say(&question("idcard-renew", language)).await.unwrap();
        let accepted = client.wait_for("accepted").await.unwrap();
        let answer = client.wait_for("answer").await.unwrap();
        assert_eq!(answer["entry"], "idcard-renew");
        assert_eq!(answer["language"], language);
        assert_eq!(answer["reply_to"], accepted["seq"]);
        assert_eq!(answer["sample"], true);
        assert!(answer.get("considered").is_none() && answer.get("provenance").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn events_are_numbered_without_a_gap_and_the_message_comes_before_its_answer() {
    let mut client = shared().citizen("zh").await;
    client.say("你好").await.unwrap();
    client.wait_for("say").await.unwrap();
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    client.wait_for("answer").await.unwrap();
    let token = client.token.clone().unwrap();
    let mut again = shared().connect().await;
    again.resume(&token, 0).await.unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 5 {
        if let Message::Json(message) = again.next().await.unwrap()
            && message["at"].is_string()
        {
            assert_eq!(message["seq"], kinds.len() + 1);
            kinds.push(message["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(kinds, ["started", "citizen_message", "say", "citizen_message", "answer"]);
}

#[tokio::test]
async fn the_same_id_is_accepted_once_also_on_a_later_connection() {
    let mut client = shared().citizen("zh").await;
    let message = json!({"type": "text", "id": "once", "text": question("idcard-renew", "zh")});
    client.send(message.clone()).await.unwrap();
    let first = client.wait_for("accepted").await.unwrap();
    client.wait_for("answer").await.unwrap();
    client.send(message.clone()).await.unwrap();
    assert_eq!(client.wait_for("accepted").await.unwrap(), first);
    let token = client.token.clone().unwrap();
    let mut again = shared().connect().await;
    let resumed = again.resume(&token, 3).await.unwrap();
    assert_eq!(resumed["last_seq"], 3);
    again.send(message).await.unwrap();
    assert_eq!(again.wait_for("accepted").await.unwrap(), first);
    again.say("谢谢").await.unwrap();
    let next = again.wait_for("citizen_message").await.unwrap();
    assert_eq!(next["seq"], 4, "the repeated message must have made no event");
}

#[tokio::test]
async fn a_second_connection_takes_over_and_the_first_is_closed() {
    let mut first = shared().citizen("bo").await;
    let token = first.token.clone().unwrap();
    let mut second = shared().connect().await;
    second.resume(&token, 0).await.unwrap();
    assert_eq!(close_code(&mut first).await, 1008);
    second.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    assert_eq!(second.wait_for("say").await.unwrap()["act"], "greeting");
}

#[tokio::test]
async fn an_answer_that_was_looked_for_while_the_link_broke_is_there_on_resuming() {
    let mut client = shared().citizen("zh").await;
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    client.wait_for("accepted").await.unwrap();
    let token = client.token.clone().unwrap();
    drop(client);
    let mut again = shared().connect().await;
    again.resume(&token, 1).await.unwrap();
    assert_eq!(again.wait_for("answer").await.unwrap()["entry"], "idcard-renew");
}

#[tokio::test]
async fn greeting_thanks_repeat_and_the_other_language_need_no_knowledge_base() {
    let mut client = shared().citizen("zh").await;
    client.say("你好").await.unwrap();
    assert_eq!(client.wait_for("say").await.unwrap()["act"], "greeting");
    client.send(json!({"type": "repeat", "id": "r0"})).await.unwrap();
    assert_eq!(client.wait_for("say").await.unwrap()["act"], "repeat_question");
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    let answer = client.wait_for("answer").await.unwrap();
    client.send(json!({"type": "repeat", "id": "r1"})).await.unwrap();
    let again = client.wait_for("answer").await.unwrap();
    assert_eq!(again["text"], answer["text"]);
    assert!(again["seq"].as_u64() > answer["seq"].as_u64());
    client.send(json!({"type": "language", "id": "l1", "language": "bo"})).await.unwrap();
    assert_eq!(client.wait_for("language_changed").await.unwrap()["language"], "bo");
    client.say("ཐུགས་རྗེ་ཆེ།").await.unwrap();
    assert_eq!(client.wait_for("say").await.unwrap()["act"], "thanks");
}

#[tokio::test]
async fn what_is_asked_back_can_be_chosen_and_a_stale_choice_is_refused() {
    let mut client = shared().citizen("zh").await;
    // Half a question: something about identity cards, but what?
    client.say("身份证").await.unwrap();
    let back = client.wait_for_any(&["clarify", "answer", "say"]).await.unwrap();
    assert_eq!(back["type"], "clarify", "a bare topic should be asked about: {back}");
    let offered = back["choices"][0]["entry"].clone();
    client.send(json!({"type": "choose", "id": "c9", "clarify_seq": 9999, "choice": 1})).await.unwrap();
    assert_eq!(error(&mut client).await["code"], "wrong_order");
    let choose = json!({"type": "choose", "id": "c1", "clarify_seq": back["seq"], "choice": 1});
    client.send(choose.clone()).await.unwrap();
    let message = client.wait_for("citizen_message").await.unwrap();
    assert_eq!(
        (message["source"].as_str(), &message["text"]),
        (Some("choice"), &back["choices"][0]["question"])
    );
    assert_eq!(client.wait_for("answer").await.unwrap()["entry"], offered);
    client.send(choose).await.unwrap();
    assert_eq!(
        client.wait_for("accepted").await.unwrap()["seq"],
        message["seq"],
        "sent again, it is acknowledged again"
    );
}

#[tokio::test]
async fn a_closed_conversation_takes_nothing_more() {
    let mut client = shared().citizen("bo").await;
    client.send(json!({"type": "close", "id": "bye"})).await.unwrap();
    assert_eq!(client.wait_for("closed").await.unwrap()["by"], "citizen");
    assert_eq!(close_code(&mut client).await, 1000);
    let token = client.token.clone().unwrap();
    let mut again = shared().connect().await;
    again.resume(&token, 0).await.unwrap();
    again.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.ok();
    let mut told = false;
    while let Ok(message) = again.next().await {
        match message {
            Message::Json(m) if m["type"] == "error" => told = m["code"] == "closed",
            Message::Closed(1000) => told = true,
            Message::Json(_) | Message::Audio(_) => continue,
            Message::Closed(code) => panic!("closed with {code}"),
        }
        break;
    }
    assert!(told);
}

#[tokio::test]
async fn a_draining_server_tells_its_clients_and_closes_with_restart() {
    let server = start("").await;
    let url = server.portal();
    let mut client = server.citizen("bo").await;
    let stopping = tokio::spawn(server.server.shutdown());
    let told = client.wait_for("draining").await.unwrap();
    assert!(common::has_script(told["text"].as_str().unwrap(), "bo"));
    assert_eq!(close_code(&mut client).await, 1012);
    stopping.await.unwrap().unwrap();
    assert!(Client::connect(&url).await.is_err());
    drop(server.data);
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart_of_the_server() {
    let data = tempfile::tempdir().unwrap();
    let server = assistant::Server::start(common::configuration(&data, "")).await.unwrap();
    let url = format!("ws://{}/v1/conversation", server.address());
    let mut client = Client::connect(&url).await.unwrap();
    client.start(&StartOptions::text("zh")).await.unwrap();
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    let answer = client.wait_for("answer").await.unwrap();
    let token = client.token.clone().unwrap();
    server.shutdown().await.unwrap();
    let server = assistant::Server::start(common::configuration(&data, "")).await.unwrap();
    assert!(server.first_agent().is_none(), "the agent of the first start is still there");
    let mut client = Client::connect(&format!("ws://{}/v1/conversation", server.address())).await.unwrap();
    client.resume(&token, 2).await.unwrap();
    assert_eq!(client.wait_for("answer").await.unwrap(), answer);
    server.shutdown().await.unwrap();
}

/// Words after which the assistant asks back with several choices, "say that again", "the first one", "none of them".
const ASKED_BACK: [(&str, &str, &str, &str, &str); 2] = [
    ("zh", "身份证", "再说一遍", "第一个", "都不是"),
    ("bo", "ཐོབ་ཐང་ལག་འཁྱེར།", "ཡང་བསྐྱར་གསུང་རོགས་གནང་།", "དང་པོ།", "མ་རེད།"),
];

const RESPONSES: [&str; 4] = ["clarify", "answer", "say", "escalated"];

#[tokio::test]
async fn who_wants_to_hear_the_choices_again_gets_them_and_can_choose() {
    for (language, topic, again, first, _) in ASKED_BACK {
        for answered_before in [false, true] {
            let mut client = shared().citizen(language).await;
            if answered_before {
                client.say(&question("socialcard-lost", language)).await.unwrap();
                client.wait_for("answer").await.unwrap();
            }
            client.say(topic).await.unwrap();
            let back = client.wait_for_any(&RESPONSES).await.unwrap();
            assert_eq!(back["type"], "clarify", "{back}");
            client.say(again).await.unwrap();
            let repeated = client.wait_for_any(&RESPONSES).await.unwrap();
            assert_eq!((&repeated["type"], &repeated["choices"]), (&back["type"], &back["choices"]));
            assert!(repeated["seq"].as_u64() > back["seq"].as_u64());
            client.say(first).await.unwrap();
            let answer = client.wait_for_any(&RESPONSES).await.unwrap();
            assert_eq!(answer["entry"], back["choices"][0]["entry"], "{answer}");
        }
    }
}

#[tokio::test]
async fn who_wants_none_of_the_choices_is_asked_what_it_is_about_and_was_understood() {
    for (language, topic, _, _, none) in ASKED_BACK {
        let expected = say(Phrase::ChooseTopic, language.parse().unwrap());
        for pressed in [false, true] {
            let mut client = shared().citizen(language).await;
            client.say(topic).await.unwrap();
            let said = turn_down(&mut client, (!pressed).then_some(none)).await;
            assert_eq!((&said["kind"], &said["prompt"]), (&json!("topic"), &json!(expected)), "{said}");
            client.say(none).await.unwrap();
            let said = client.wait_for_any(&RESPONSES).await.unwrap();
            assert_eq!(said["type"], "escalated", "none of the topics either: {said}");
        }
        // Where nothing was offered, the same word is not understood.
        let mut client = shared().citizen(language).await;
        client.say(none).await.unwrap();
        let said = client.wait_for("say").await.unwrap();
        assert_eq!(said["text"], say(Phrase::NotUnderstood, language.parse().unwrap()));
    }
}

/// Two entries of one topic: who turns them down cannot be asked what else it is about.
const ONE_TOPIC: &str = "format: drilen-kb/1\nname: one topic\nentries:
- id: renew
  topic: documents
  zh: {question: 身份证到期了怎么换？, spoken: 去派出所换。, written: 去派出所换。}
  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་གྱི་དུས་ཚོད་རྫོགས་ན་ག་འདྲ་བརྗེ་དགོས་རེད།, spoken: ཉེན་རྟོག་ས་ཚུགས་ལ་བརྗེ།, written: ཉེན་རྟོག་ས་ཚུགས་ལ་བརྗེ།}
- id: lost
  topic: documents
  zh: {question: 身份证丢了怎么补办？, spoken: 去派出所补。, written: 去派出所补。}
  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་བོར་ན་ག་འདྲ་བསྐྱར་བཟོ་བྱེད་དགོས་རེད།, spoken: ཉེན་རྟོག་ས་ཚུགས་ལ་བཟོ།, written: ཉེན་རྟོག་ས་ཚུགས་ལ་བཟོ།}
";

#[tokio::test]
async fn where_no_other_topic_is_left_other_words_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faq.yaml");
    std::fs::write(&file, ONE_TOPIC).unwrap();
    let server = start(&format!("[knowledge]\npath = \"{}\"\n", file.display())).await;
    for (language, topic, _, _, none) in ASKED_BACK {
        let expected = say(Phrase::SayOtherwise, language.parse().unwrap());
        for pressed in [false, true] {
            let mut client = server.citizen(language).await;
            client.say(topic).await.unwrap();
            let said = turn_down(&mut client, (!pressed).then_some(none)).await;
            assert_eq!(said["text"], expected, "{said}");
        }
    }
}

/// Wants none of what the assistant asks back about, in words or by the button, and returns what it says to that.
async fn turn_down(client: &mut Client, words: Option<&str>) -> serde_json::Value {
    let back = client.wait_for("clarify").await.unwrap();
    if let Some(none) = words {
        client.say(none).await.unwrap();
    } else {
        let none = json!({"type": "choose", "id": "n", "clarify_seq": back["seq"], "choice": 0});
        client.send(none).await.unwrap();
    }
    client.wait_for_any(&RESPONSES).await.unwrap()
}

#[tokio::test]
async fn in_the_other_language_only_what_was_said_last_is_said_again() {
    for (language, other, topic, wish, thanks) in [
        ("zh", "bo", "身份证", "请说藏语", "谢谢"),
        ("bo", "zh", "ཐོབ་ཐང་ལག་འཁྱེར།", "རྒྱ་སྐད་བཤད་རོགས།", "ཐུགས་རྗེ་ཆེ།"),
    ] {
        let mut client = shared().citizen(language).await;
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("answer").await.unwrap();
        client.say(wish).await.unwrap();
        client.wait_for("language_changed").await.unwrap();
        let again = client.wait_for("answer").await.unwrap();
        assert_eq!(
            (again["entry"].as_str(), again["language"].as_str()),
            (Some("idcard-renew"), Some(other))
        );

        let mut client = shared().citizen(language).await;
        client.say(topic).await.unwrap();
        let back = client.wait_for("clarify").await.unwrap();
        client.say(wish).await.unwrap();
        let there = client.wait_for("clarify").await.unwrap();
        assert_eq!(there["choices"][0]["entry"], back["choices"][0]["entry"]);
        assert!(common::has_script(there["choices"][0]["question"].as_str().unwrap(), other), "{there}");

        let mut client = shared().citizen(language).await;
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("answer").await.unwrap();
        client.say(thanks).await.unwrap();
        client.wait_for("say").await.unwrap();
        client.say(wish).await.unwrap();
        assert_eq!(client.wait_for_any(&["say", "answer"]).await.unwrap()["act"], "language");
        client.say(thanks).await.unwrap();
        let next = client.wait_for_any(&["say", "answer", "clarify"]).await.unwrap();
        assert_eq!(next["type"], "say", "an answer of long ago was repeated: {next}");
    }
}

#[tokio::test]
async fn louder_start_over_complaints_and_small_talk_are_carried_out_in_both_languages() {
    for (language, louder, start_over, complaint, yes, talk) in [
        ("zh", "声音太小了，请大声一点", "重新开始", "你们答非所问，太差了", "是的", "今天天气怎么样"),
        ("bo", "སྐད་ཆེ་ཙམ་གསུང་རོགས་གནང་།", "འགོ་ནས་བསྐྱར་དུ།", "ཁྱེད་རང་གིས་ལན་ནོར་འདུག", "ཡིན།", "དེ་རིང་གནམ་གཤིས་ག་འདྲ་འདུག"),
    ] {
        let mut client = shared().citizen(language).await;
        client.say(talk).await.unwrap();
        let said = client.wait_for_any(&["say", "answer", "clarify"]).await.unwrap();
        assert_eq!(said["act"], "small_talk", "{said}");
        assert!(has_script(said["text"].as_str().unwrap(), language));
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("answer").await.unwrap();
        client.say(louder).await.unwrap();
        client.wait_for("louder").await.unwrap();
        assert_eq!(client.wait_for("answer").await.unwrap()["entry"], "idcard-renew", "said again, louder");
        client.say(start_over).await.unwrap();
        assert_eq!(client.wait_for("say").await.unwrap()["act"], "start_over");
        client.send(json!({"type": "repeat", "id": "after"})).await.unwrap();
        assert_eq!(client.wait_for("say").await.unwrap()["act"], "repeat_question", "nothing is remembered");
        client.say(complaint).await.unwrap();
        let said = client.wait_for("say").await.unwrap();
        assert_eq!(said["act"], "complaint");
        assert!(said["text"].as_str().unwrap().contains("12345"));
        client.say(yes).await.unwrap();
        assert_eq!(client.wait_for("escalated").await.unwrap()["reason"], "asked");
    }
}

/// A knowledge base may say itself where to complain; where it does not answer or offer that, the number is told.
#[tokio::test]
async fn who_complains_about_an_office_is_told_where_to() {
    for (language, complaint) in
        [("zh", "我要投诉你们"), ("bo", "སྐྱོན་བརྗོད་ཞུ་འདོད་ཡོད།"), ("bo", "ང་ 投诉བྱེད་འདོད་ཡོད།")]
    {
        let mut client = shared().citizen(language).await;
        client.say(complaint).await.unwrap();
        let said = client.wait_for_any(&RESPONSES).await.unwrap();
        let offered = said["choices"][0]["entry"] == "complaint-12345";
        assert!(
            offered || said["text"].as_str().unwrap_or_default().contains("12345"),
            "{complaint}: {said}"
        );
    }
}

#[tokio::test]
async fn none_of_the_offers_leads_to_topics_and_a_topic_to_its_questions() {
    for language in ["zh", "bo"] {
        let mut client = shared().citizen(language).await;
        client.say("身份证").await.unwrap();
        let first = client.wait_for("clarify").await.unwrap();
        assert!(first["kind"].is_null(), "{first}");
        client
            .send(json!({"type": "choose", "id": "n1", "clarify_seq": first["seq"], "choice": 0}))
            .await
            .unwrap();
        let topics = client.wait_for_any(&["clarify", "say", "escalated"]).await.unwrap();
        assert_eq!(topics["kind"], "topic", "{topics}");
        assert_eq!(topics["choices"][0]["entry"], "documents");
        assert!(has_script(topics["choices"][0]["question"].as_str().unwrap(), language), "{topics}");
        client.say("1").await.unwrap();
        let within = client.wait_for_any(&["clarify", "say", "escalated"]).await.unwrap();
        assert_eq!(within["type"], "clarify", "{within}");
        let offered = first["choices"].as_array().unwrap();
        for choice in within["choices"].as_array().unwrap() {
            assert!(offered.iter().all(|old| old["entry"] != choice["entry"]), "offered again: {choice}");
        }
        client
            .send(json!({"type": "choose", "id": "n2", "clarify_seq": within["seq"], "choice": 0}))
            .await
            .unwrap();
        assert_eq!(client.wait_for("escalated").await.unwrap()["reason"], "low_confidence");
    }
}

#[tokio::test]
async fn the_guidance_in_an_emergency_names_the_number_for_its_kind_first() {
    for (language, words, number) in [
        ("zh", "我家厨房着火了", "119"),
        ("zh", "我妈突然昏过去了叫不醒", "120"),
        ("zh", "有人拿刀砍人", "110"),
        ("bo", "ང་ཚོའི་厨房ལ་མེ་ཤོར་སོང་།", "119"),
        ("bo", "ཨ་མ་དྲན་མེད་དུ་འགྱེལ་སོང་།", "120"),
        ("bo", "ངའི་ཕྲུ་གུ་བོར་སོང་།", "110"),
    ] {
        let mut client = shared().citizen(language).await;
        client.say(words).await.unwrap();
        let said = client.wait_for_any(&["say", "answer", "clarify"]).await.unwrap();
        assert_eq!(said["act"], "emergency", "{words}: {said}");
        let text = said["text"].as_str().unwrap();
        let first = ["110", "119", "120"].into_iter().min_by_key(|n| text.find(n).unwrap_or(usize::MAX));
        assert_eq!(first, Some(number), "{text}");
    }
}

#[tokio::test]
async fn whoever_says_that_an_answer_was_wrong_is_heard_also_when_all_is_over() {
    for language in ["zh", "bo"] {
        let mut client = shared().citizen(language).await;
        client.say(&question("idcard-renew", language)).await.unwrap();
        let answer = client.wait_for("answer").await.unwrap();
        let rate = |id: &str, seq: &serde_json::Value, helpful: bool| json!({"type": "rate", "id": id, "seq": seq, "helpful": helpful});
        client.send(rate("r1", &answer["seq"], true)).await.unwrap();
        let rated = client.wait_for("rated").await.unwrap();
        assert_eq!((&rated["of"], &rated["helpful"]), (&answer["seq"], &json!(true)));
        // Only answers and what people did can be rated; the citizen's own question cannot.
        client.send(rate("r2", &answer["reply_to"], true)).await.unwrap();
        assert_eq!(client.wait_for("error").await.unwrap()["code"], "bad_message");
        client.send(json!({"type": "close", "id": "x"})).await.unwrap();
        client.wait_for("closed").await.unwrap();
        client.send(rate("r3", &answer["seq"], false)).await.unwrap();
        assert_eq!(client.wait_for("rated").await.unwrap()["helpful"], false);
        // The same message again changes nothing.
        client.send(rate("r3", &answer["seq"], true)).await.unwrap();
        client.send(json!({"type": "text", "id": "late", "text": "还有"})).await.unwrap();
        assert_eq!(client.wait_for("error").await.unwrap()["code"], "closed");
        // Whoever comes back, knowing all that was said, can still say how it was.
        let token = client.token.clone().unwrap();
        drop(client);
        let mut again = shared().connect().await;
        let resumed = again.resume(&token, 0).await.unwrap();
        let last = resumed["last_seq"].as_u64().unwrap();
        drop(again);
        let mut again = shared().connect().await;
        again.resume(&token, last).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        again.send(rate("r4", &answer["seq"], true)).await.unwrap();
        let rated = again.wait_for("rated").await.unwrap();
        assert_eq!((&rated["of"], &rated["helpful"]), (&answer["seq"], &json!(true)));
    }
}
