//! A citizen is told what holds today, in the right language, and is told when a text is behind the other language.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{sync::Arc, time::Duration};

use assistant::{
    Server,
    phrases::{Phrase, say},
    server::Parts,
};
use common::{TestServer, configuration};
use conversation::{ManualClock, Timestamp};
use kb::{Collection, Step};
use language::Language::{self, Bo, Zh};

const FAQ: &str = "format: drilen-kb/1\nname: t\nentries:\n\
- id: idcard-renew\n  topic: t\n  zh: {question: 身份证到期了怎么换, variants: [换身份证], spoken: 去派出所。, written: 请到派出所。}\n  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས, variants: [身份证བརྗེ་ས་ག་པར་རེད], spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།, written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།}\n\
- id: border-pass\n  topic: t\n  zh: {question: 边防证在哪里办, variants: [办边境通行证], spoken: 去公安局。, written: 请到公安局。}\n\
- id: subsidy-old\n  topic: t\n  valid_until: 2026-06-30\n  zh: {question: 草原补助一亩多少钱, spoken: 七块五。, written: 七块五。}\n\
- id: subsidy-new\n  topic: t\n  valid_from: 2026-07-01\n  zh: {question: 草原补助一亩多少钱, spoken: 八块。, written: 八块。}\n";

/// The file above with the Chinese of the first entry published on 10 June: its Tibetan, a draft, is behind.
fn faq() -> String {
    let mut collection = Collection::parse("faq.yaml", FAQ);
    assert_eq!(collection.problems, []);
    let entry = &mut collection.entries[0].entry;
    for (step, by) in [(Step::Review, "扎西"), (Step::Publish, "卓玛")] {
        entry.zh = Some(entry.after(step, Zh, by, "2026-06-10".parse().unwrap()).unwrap());
    }
    collection.to_file().to_yaml().unwrap()
}

async fn answer(server: &TestServer, language: Language, question: &str) -> serde_json::Value {
    let mut client = server.citizen(language.code()).await;
    client.say(question).await.unwrap();
    client.wait_for("answer").await.unwrap()
}

#[tokio::test]
async fn a_citizen_hears_what_holds_today_and_when_it_is_behind() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("faq.yaml");
    std::fs::write(&file, faq()).unwrap();
    let overrides = format!("[knowledge]\npath = \"{}\"\n", file.display());
    // 2026-06-30T02:00:00Z: the last day of the old rule.
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_782_784_800_000)));
    let parts = Parts { clock: Some(Arc::clone(&clock) as _), ..Parts::default() };
    let server = Server::start_with(configuration(&data, &overrides), parts).await.unwrap();
    let server = TestServer { server, data };

    let tibetan = answer(&server, Bo, "ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས").await;
    assert_eq!((&tibetan["language"], &tibetan["outdated_days"]), (&"bo".into(), &20.into()), "{tibetan}");
    assert_eq!(tibetan["awaiting_review"], true);
    let chinese = answer(&server, Zh, "身份证到期了怎么换").await;
    assert!(chinese["outdated_days"].is_null() && chinese["awaiting_review"] == false, "{chinese}");

    let mut client = server.citizen("bo").await;
    client.say("边防证在哪里办").await.unwrap();
    let said = client.wait_for("say").await.unwrap();
    assert_eq!(said["text"], say(Phrase::OnlyOtherLanguage, Bo));
    let only_there = client.wait_for("answer").await.unwrap();
    assert_eq!((&only_there["entry"], &only_there["language"]), (&"border-pass".into(), &"zh".into()));

    let question = "草原补助一亩多少钱";
    assert_eq!(answer(&server, Zh, question).await["text"], "七块五。");
    clock.advance(Duration::from_hours(24));
    assert_eq!(server.server.reload_knowledge().await.unwrap(), 3);
    assert_eq!(answer(&server, Zh, question).await["text"], "八块。");
    assert_eq!(answer(&server, Bo, "ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས").await["outdated_days"], 21);
}
