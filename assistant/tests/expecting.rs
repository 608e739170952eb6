//! What is expected is heard: an engine that takes dictation, its real decoding, and the whole way from the microphone to the
//! citizen's message. The engine is an ONNX model of a published layout that hears the same in every sound: a sentence in
//! which the wrong word is a little likelier than the right one, as it is between words that sound alike.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;
#[path = "encoder/onnx_file.rs"]
#[allow(dead_code, reason = "the other test uses the rest")]
mod onnx_file;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use assistant::{server::Parts, workers::engines::EngineSet};
use common::{TestServer, start, start_with, voice};
use examples::Client;
use language::{Language, numbers::written};
use onnx_file::{Element, Graph};
use serde_json::{Value, json};
use speech::{
    Capabilities, Hypothesis, TranscribeError, TranscribeRequest, Transcriber, Transcript, decode::Bias,
};
use tempfile::TempDir;

/// How likely the word is that sounds best, and how likely the one that was meant.
const HEARD: f32 = 0.5;
const MEANT: f32 = 0.4;

/// Makes a Zipformer2 CTC model of single characters that hears `heard`, or nearly as well `meant`, which is as long.
fn engine(folder: &Path, heard: &str, meant: &str) {
    fs::create_dir_all(folder).unwrap();
    let mut names = vec!["<blk>".to_owned()];
    for character in heard.chars().chain(meant.chars()).map(String::from) {
        if !names.contains(&character) {
            names.push(character);
        }
    }
    let classes = names.len();
    let class = |character: char| names.iter().position(|name| *name == character.to_string()).unwrap();
    let mut rows: Vec<f32> = Vec::new();
    let mut frame = |likely: &[(usize, f32)]| {
        let rest = 1.0 - likely.iter().map(|(_, probability)| probability).sum::<f32>();
        let mut row = vec![(rest / (classes - likely.len()) as f32).ln(); classes];
        for (class, probability) in likely {
            row[*class] = probability.ln();
        }
        rows.extend(row);
    };
    for (sounds, means) in heard.chars().zip(meant.chars()) {
        frame(&[(0, 0.98)]);
        if sounds == means {
            frame(&[(class(sounds), 0.9)]);
        } else {
            frame(&[(class(sounds), HEARD), (class(means), MEANT)]);
        }
    }
    let frames = (rows.len() / classes) as u64;
    let mut graph = Graph::default();
    graph.input("x", Element::Float, &[None, None, Some(80)]);
    graph.input("x_lens", Element::Int64, &[None]);
    graph.floats("rows", &[1, frames, classes as u64], &rows);
    graph.integers("count", &[frames.cast_signed()]);
    graph.node("Identity", &["rows"], "log_probs", &[]);
    graph.node("Identity", &["count"], "log_probs_len", &[]);
    graph.output("log_probs", Element::Float, &[None, None, Some(classes as u64)]);
    graph.output("log_probs_len", Element::Int64, &[None]);
    fs::write(folder.join("model.onnx"), graph.file()).unwrap();
    let line = |(number, name): (usize, &String)| format!("{name} {number}\n");
    fs::write(folder.join("tokens.txt"), names.iter().enumerate().map(line).collect::<String>()).unwrap();
}

/// A knowledge base that is not about this.
const OTHER: &str = "- id: border-pass\n  topic: t\n  zh: {question: 边防证在哪里办, variants: [办边境通行证], spoken: 去公安局。, written: 请到公安局。}\n  \
                     bo: {question: མཐའ་མཚམས་ལག་ཁྱེར་ག་པར་བཟོ་དགོས, variants: [མཐའ་མཚམས་ལག་ཁྱེར་བཟོ], spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།, written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།}\n";

/// One that is.
const THIS: &str = "- id: this\n  topic: t\n  zh: {question: 草补什么时候发到卡上, keywords: [草补], spoken: 八月发。, written: 八月发放。}\n  \
                    bo: {question: རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ, keywords: [ཁ་གསབ], spoken: ཟླ་བརྒྱད་པར་སྤྲོད།, written: ཟླ་བརྒྱད་པར་སྤྲོད་ཀྱི་རེད།}\n";

/// What is said in each language (about [`THIS`]): as it sounds, and as it is meant. The Tibetan awaits a native reviewer.
const SAID: [(Language, &str, &str); 2] =
    [(Language::Zh, "早补什么时候发", "草补什么时候发"), (Language::Bo, "ག་གསབ་ནམ་སྤྲོད་དམ", "ཁ་གསབ་ནམ་སྤྲོད་དམ")];

fn publish(folder: &Path, entries: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    let text = format!("format: drilen-kb/1\nname: t\nentries:\n{}", entries.concat());
    fs::write(folder.join("faq.yaml"), text).unwrap();
}

/// A server with an engine that hears this in this language, and a knowledge base with these entries.
async fn listening(
    folder: &TempDir,
    (language, heard, meant): (Language, &str, &str),
    settings: &str,
    entries: &[&str],
) -> TestServer {
    let (model, knowledge) = (folder.path().join("model"), folder.path().join("knowledge"));
    engine(&model, heard, meant);
    publish(&knowledge, entries);
    let (model, knowledge) = (model.display(), knowledge.display());
    start(&format!(
        "[understanding]\nescalate_after = 9\n[knowledge]\npath = \"{knowledge}\"\n[hearing.{language}]\n{settings}\n\
         engines = [{{ engine = \"ctc\", path = \"{model}\" }}]\n"
    ))
    .await
}

/// Speaks (whatever it is: the engine hears the same), and returns what was heard and what came of it.
async fn speak(client: &mut Client, expect: &Value) -> (String, Value) {
    let mut start = json!({"type": "audio_start", "codec": "pcm16", "sample_rate": 16000});
    start["id"] = json!(uuid::Uuid::new_v4().to_string());
    if !expect.is_null() {
        start["expect"] = expect.clone();
    }
    client.send(start.clone()).await.unwrap();
    for frame in voice("身份证到期了怎么换", Language::Zh, 0.2).chunks(320) {
        client.send_audio(frame.iter().flat_map(|sample| sample.to_le_bytes()).collect()).await.unwrap();
    }
    client.send(json!({"type": "commit", "id": start["id"]})).await.unwrap();
    let last = client.wait_for("final").await.unwrap();
    assert_eq!(last["dictation"], true);
    let reply = client.wait_for_any(&["answer", "clarify", "say"]).await.unwrap();
    (last["text"].as_str().unwrap().to_owned(), reply)
}

#[tokio::test]
async fn the_knowledge_bases_words_are_heard_from_the_turn_after_their_publication_on() {
    for said @ (language, heard, meant) in SAID {
        let folder = tempfile::tempdir().unwrap();
        let server = listening(&folder, said, "", &[OTHER]).await;
        let mut client = server.citizen(language.code()).await;
        assert_eq!(speak(&mut client, &Value::Null).await.0, heard, "nothing lets it expect anything else");
        publish(&folder.path().join("knowledge"), &[OTHER, THIS]);
        server.server.reload_knowledge().await.unwrap();
        let (text, _) = speak(&mut client, &Value::Null).await;
        assert_eq!(text, meant);
        publish(&folder.path().join("knowledge"), &[OTHER]);
        server.server.reload_knowledge().await.unwrap();
        assert_eq!(
            speak(&mut client, &Value::Null).await.0,
            heard,
            "what is withdrawn is not expected any more"
        );
    }
}

#[tokio::test]
async fn nothing_is_expected_where_that_is_switched_off_or_the_entry_says_so() {
    let never = THIS.replace("  topic: t\n", "  topic: t\n  expected: 0\n");
    for said @ (language, heard, meant) in SAID {
        let strongly = THIS.replace("  topic: t\n", "  topic: t\n  expected: 3\n");
        for (settings, entry, expected) in [
            ("beam = 8", THIS, meant),
            ("beam = 1", THIS, heard),
            ("bias = 0", THIS, heard),
            // A keyword of two tokens is worth 2 × 0.05 now, less than the ln 5/4 by which the wrong word is likelier (one of
            // five letters is worth more than that); more again with the entry's own weight.
            ("bias = 0.1", THIS, if language == Language::Zh { heard } else { meant }),
            ("bias = 0.1", strongly.as_str(), meant),
            ("", never.as_str(), heard),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let server = listening(&folder, said, settings, &[OTHER, entry]).await;
            let mut client = server.citizen(language.code()).await;
            assert_eq!(speak(&mut client, &Value::Null).await.0, expected, "{settings} {entry}");
        }
    }
}

#[tokio::test]
async fn what_the_client_names_is_heard_in_that_turn_and_not_in_the_next() {
    for said @ (language, heard, meant) in SAID {
        let folder = tempfile::tempdir().unwrap();
        let server = listening(&folder, said, "", &[OTHER]).await;
        let mut client = server.citizen(language.code()).await;
        assert_eq!(speak(&mut client, &json!([meant])).await.0, meant);
        assert_eq!(speak(&mut client, &json!([])).await.0, heard);
        let unlike = json!(["办边境通行证要什么材料", "ལག་ཁྱེར་བརླགས་སོང"]);
        assert_eq!(speak(&mut client, &unlike).await.0, heard, "what does not sound like it is not heard");
    }
}

/// Two entries about one thing, so that one asks which.
const ALIKE: &str = "- id: renew\n  topic: t\n  zh: {question: 身份证到期了怎么换, variants: [换身份证], spoken: 答, written: 答}\n  \
                     bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས, variants: [ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ], spoken: ལན།, written: ལན།}\n\
                     - id: lost\n  topic: t\n  zh: {question: 身份证丢了怎么补, variants: [补身份证], spoken: 答, written: 答}\n  \
                     bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་གང་འདྲ་བྱེད་དགོས, variants: [ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང], spoken: ལན།, written: ལན།}\n";

#[tokio::test]
async fn whoever_is_offered_choices_is_heard_to_choose() {
    for (language, topic, heard, meant) in
        [(Language::Zh, "身份证", "第二哥", "第二个"), (Language::Bo, "ཐོབ་ཐང་ལག་འཁྱེར།", "གཉིས་བ", "གཉིས་པ")]
    {
        let folder = tempfile::tempdir().unwrap();
        let server = listening(&folder, (language, heard, meant), "", &[OTHER, ALIKE]).await;
        let mut client = server.citizen(language.code()).await;
        assert_eq!(speak(&mut client, &Value::Null).await.0, written(heard), "nothing is on offer yet");
        client.say(topic).await.unwrap();
        let back = client.wait_for("clarify").await.unwrap();
        assert_eq!(back["choices"].as_array().unwrap().len(), 2, "{back}");
        let (text, answer) = speak(&mut client, &Value::Null).await;
        assert_eq!(text, written(meant));
        assert_eq!(answer["entry"], back["choices"][1]["entry"], "{answer}");
        assert_eq!(speak(&mut client, &Value::Null).await.0, written(heard), "it has been answered");
    }
}

/// An answer that depends on the place.
const BY_PLACE: &str = "- id: subsidy\n  topic: t\n  zh: {question: 采暖补贴怎么领, variants: [领采暖补贴], spoken: 答, written: 答}\n  \
                        bo: {question: དྲོད་སྐྱོབ་ཁ་གསབ་གང་འདྲ་ལེན་དགོས, variants: [དྲོད་སྐྱོབ་ཁ་གསབ་ལེན], spoken: ལན།, written: ལན།}\n  answers:\n  \
                        - {region: \"540600\", zh: {spoken: 那曲, written: 那曲}, bo: {spoken: ནག་ཆུ།, written: ནག་ཆུ།}}\n  \
                        - {region: \"542500\", zh: {spoken: 阿里, written: 阿里}, bo: {spoken: མངའ་རིས།, written: མངའ་རིས།}}\n";

#[tokio::test]
async fn whoever_is_asked_for_a_place_is_heard_to_name_one() {
    for (language, asked, heard, meant) in [
        (Language::Zh, "采暖补贴怎么领", "那取", "那曲"),
        (Language::Bo, "དྲོད་སྐྱོབ་ཁ་གསབ་གང་འདྲ་ལེན་དགོས", "ནག་ཅུ", "ནག་ཆུ"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = listening(&folder, (language, heard, meant), "", &[OTHER, BY_PLACE]).await;
        let mut client = server.citizen(language.code()).await;
        client.say(asked).await.unwrap();
        let back = client.wait_for("clarify").await.unwrap();
        assert_eq!(back["kind"], "place", "{back}");
        let (text, answer) = speak(&mut client, &Value::Null).await;
        assert_eq!(text, meant);
        assert_eq!(answer["entry"], "subsidy", "{answer}");
    }
}

/// Writes down what it is asked for.
struct Asked {
    capabilities: Capabilities,
    requests: Arc<Mutex<Vec<TranscribeRequest>>>,
}

impl Transcriber for Asked {
    fn name(&self) -> &'static str {
        "asked"
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        self.requests.lock().unwrap().push(request.clone());
        let hypotheses = vec![Hypothesis { text: "边防证在哪里办".into(), ..Hypothesis::default() }];
        let seconds = audio.len() as f32 / 16_000.0;
        Ok(Transcript { language: request.language, hypotheses, evidence: None, seconds })
    }
}

#[tokio::test]
async fn an_engine_is_given_a_prompt_and_knows_the_knowledge_base_again_until_there_is_a_new_one() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let capabilities = Capabilities {
        languages: Language::ALL.to_vec(),
        dictation: true,
        evidence: false,
        max_seconds: 60.0,
    };
    let asked = Asked { capabilities, requests: Arc::clone(&requests) };
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), &[OTHER, THIS]);
    let settings = format!("[knowledge]\npath = \"{}\"\n", folder.path().display());
    let engines = Some(vec![EngineSet::shared(Box::new(asked))]);
    let server = start_with(&settings, Parts { engines, ..Parts::default() }).await;
    let mut client = server.citizen("zh").await;
    let mut whole = async |expect: &Value| -> TranscribeRequest {
        speak(&mut client, expect).await;
        let all = std::mem::take(&mut *requests.lock().unwrap());
        all.into_iter().find(|request| !request.partial).unwrap()
    };
    let first = whole(&json!(["牧区医保", "虫草证"])).await;
    assert_eq!(first.prompt[..3], ["牧区医保", "虫草证", "草补"], "the likeliest first");
    assert!(first.prompt.contains(&"边防证在哪里办".to_owned()));
    let texts = |bias: &Bias| bias.phrases().iter().map(|phrase| phrase.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&first.decoding.expected), ["牧区医保", "虫草证"]);
    assert_eq!((first.decoding.beam, first.language), (8, Some(Language::Zh)));
    let second = whole(&Value::Null).await;
    assert!(Arc::ptr_eq(&first.decoding.bias, &second.decoding.bias));
    assert!(second.decoding.expected.is_empty() && second.prompt[0] == "草补");
    publish(folder.path(), &[OTHER]);
    server.server.reload_knowledge().await.unwrap();
    let third = whole(&Value::Null).await;
    assert_eq!(texts(&third.decoding.bias), ["边防证在哪里办", "办边境通行证"]);
}
