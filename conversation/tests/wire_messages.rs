//! What goes over the wire, message by message, in both languages: docs/protocol.md as snapshots.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{at, both_languages, conversation_of_every_event};
use conversation::protocol::{
    AudioOut, AudioStart, Cancel, ChangeLanguage, Choose, ClientMessage, Close, Codec, Commit, ErrorCode,
    ErrorSignal, Heard, LeaveQueue, Limits, Person, Ping, Rate, Reopen, Repeat, RequestCallback, Resume,
    ServerMessage, Signal, SoundSource, SpeechEnd, SpokenWord, Start, Text, Voice, Welcome,
};
use conversation::{ConversationId, Event, MessageId, Token};
use language::Language;

fn id(text: &str) -> MessageId {
    MessageId::try_from(text).unwrap()
}

#[test]
fn events_as_the_citizen_gets_them() {
    for language in both_languages() {
        let lines: Vec<String> = conversation_of_every_event(language)
            .iter()
            .map(|event| ServerMessage::event_for_citizen(event).to_json().unwrap())
            .collect();
        insta::assert_snapshot!(format!("events_for_the_citizen_{language}"), lines.join("\n"));
    }
}

#[test]
fn events_as_the_desk_gets_them() {
    for language in both_languages() {
        let lines: Vec<String> = conversation_of_every_event(language)
            .iter()
            .map(|event| serde_json::to_string(event).unwrap())
            .collect();
        insta::assert_snapshot!(format!("events_for_the_desk_{language}"), lines.join("\n"));
    }
}

#[test]
fn nothing_private_reaches_the_citizen() {
    let agent = common::agent();
    for event in both_languages().into_iter().flat_map(conversation_of_every_event) {
        let json = ServerMessage::event_for_citizen(&event).to_json().unwrap();
        for private in ["considered", "provenance", "note", "\"escalation\"", "models", &agent.id.to_string()]
        {
            assert!(!json.contains(private), "{private} in {json}");
        }
    }
}

#[test]
fn an_event_comes_back_from_its_json_as_it_was() {
    for event in both_languages().into_iter().flat_map(conversation_of_every_event) {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}

#[test]
fn signals_as_the_citizen_gets_them() {
    for language in both_languages() {
        let lines: Vec<String> = every_signal(language)
            .into_iter()
            .map(|signal| ServerMessage::from(signal).to_json().unwrap())
            .collect();
        insta::assert_snapshot!(format!("signals_{language}"), lines.join("\n"));
    }
}

#[test]
fn a_server_message_is_told_apart_as_event_or_signal() {
    for event in conversation_of_every_event(Language::Bo) {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ServerMessage>(&json).unwrap(), ServerMessage::Event(event));
    }
    for signal in every_signal(Language::Zh) {
        let json = serde_json::to_string(&signal).unwrap();
        assert_eq!(serde_json::from_str::<ServerMessage>(&json).unwrap(), ServerMessage::Signal(signal));
    }
}

#[test]
fn client_messages_as_they_are_sent() {
    for language in both_languages() {
        let lines: Vec<String> = every_client_message(language)
            .iter()
            .map(|message| serde_json::to_string(message).unwrap())
            .collect();
        insta::assert_snapshot!(format!("client_messages_{language}"), lines.join("\n"));
    }
}

#[test]
fn a_client_message_is_parsed_back_as_it_was() {
    for message in both_languages().into_iter().flat_map(every_client_message) {
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(ClientMessage::parse(&json).unwrap(), message);
        assert!(json.contains(&format!("\"type\":\"{}\"", message.kind())), "{json}");
    }
}

#[test]
fn the_token_is_in_no_debug_output() {
    let token = Token::from_random([9; 32]);
    let resume =
        Resume { protocol: 1, token: token.reveal(), last_seq: 4, voice: false, audio_out: AudioOut::None };
    let welcome = welcome(Language::Bo, &token);
    let debug = format!("{token:?} {resume:?} {welcome:?} {:?}", ClientMessage::Resume(resume.clone()));
    assert!(!debug.contains(&token.reveal()), "{debug}");
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.schema.json");
    let published = std::fs::read_to_string(path).expect("docs/protocol.schema.json exists");
    let current = serde_json::to_string_pretty(&conversation::schema()).unwrap();
    assert!(
        published.trim_end() == current,
        "docs/protocol.schema.json is not current: run `assistant schema > docs/protocol.schema.json`"
    );
}

#[test]
fn the_schema_knows_every_message_and_nothing_private() {
    let schema = conversation::schema().to_string();
    for message in every_client_message(Language::Bo) {
        assert!(schema.contains(&format!("\"const\":\"{}\"", message.kind())), "{}", message.kind());
    }
    for event in conversation_of_every_event(Language::Bo) {
        assert!(schema.contains(&format!("\"const\":\"{}\"", event.body.kind())), "{}", event.body.kind());
    }
    for private in ["\"considered\"", "\"provenance\"", "\"note\""] {
        assert!(!schema.contains(private), "{private}");
    }
}

fn welcome(language: Language, token: &Token) -> Welcome {
    Welcome {
        conversation: ConversationId::from_random([1; 16]),
        token: token.reveal(),
        protocol: 1,
        limits: Limits { text_characters: 2_000, audio_seconds: 60 },
        dictation: false,
        notice: common::text(language, "对话会被保存。", "ཁ་བརྡ་ཉར་ཚགས་བྱེད་ཀྱི་ཡིན། 对话会被保存").to_owned(),
    }
}

fn every_signal(language: Language) -> Vec<Signal> {
    let heard = common::text(language, "医保卡丢了怎么办", "སྨན་བཅོས་འགན་བཅོལ་ 医保卡 བརླགས་ན་");
    let mut signals = vec![
        Signal::Welcome(welcome(language, &Token::from_random([9; 32]))),
        Signal::Resumed { conversation: ConversationId::from_random([1; 16]), last_seq: 7, language },
        Signal::Accepted { id: id("m1"), seq: Some(2) },
        Signal::Accepted { id: id("m2"), seq: None },
        Signal::SpeechStarted { id: id("a1"), at_ms: 320 },
        Signal::Partial { id: id("a1"), text: heard.to_owned(), hint: true, stable: 0 },
        Signal::SpeechEnded {
            id: id("a1"),
            reason: SpeechEnd::Silence,
            speech_ms: 1_840,
            listening_ms: 1_600,
        },
        Signal::SpeechResumed { id: id("a1"), at_ms: 3_100 },
        Signal::SpeechEnded { id: id("a1"), reason: SpeechEnd::Commit, speech_ms: 3_020, listening_ms: 0 },
        Signal::Final { id: id("a1"), text: heard.to_owned(), dictation: false, seconds: 2.64 },
        Signal::Thinking { id: id("a1") },
        Signal::Queue { position: 2, wait_minutes: Some([3, 8]) },
        Signal::Queue { position: 1, wait_minutes: None },
        Signal::AgentTyping,
        Signal::AudioStart {
            audio_id: 1,
            seq: 3,
            codec: Codec::Opus,
            sample_rate: 16_000,
            source: SoundSource::Synthetic,
        },
        Signal::Mark {
            audio_id: 1,
            sentence: 0,
            text: heard.to_owned(),
            start_ms: 0,
            words: vec![SpokenWord { text: heard.to_owned(), start_ms: 0 }],
        },
        Signal::AudioEnd { audio_id: 1, total_ms: 3_100, interrupted: false },
        Signal::Draining {
            text: common::text(language, "服务正在重启。", "ཞབས་ཞུ་བསྐྱར་སློང་བྱེད་བཞིན་ཡོད།").to_owned(),
        },
        Signal::Pong { n: 5 },
    ];
    signals.extend(ErrorCode::ALL.map(|code| {
        let retry_after_ms = matches!(code, ErrorCode::TooFast | ErrorCode::Busy).then_some(1_500);
        let message = common::text(language, "出错了", "ནོར་འཁྲུལ་བྱུང་སོང་།").to_owned();
        Signal::Error(ErrorSignal {
            code,
            message,
            fatal: false,
            id: Some(id("m1")),
            retry_after_ms,
            waiting_before: None,
        })
    }));
    signals
}

fn every_client_message(language: Language) -> Vec<ClientMessage> {
    let text = common::text(language, "怎么办身份证？", "ཐོབ་ཐང་ལག་ཁྱེར་ 身份证 བཟོ་སྟངས་ག་རེ་རེད།");
    vec![
        ClientMessage::Start(Start {
            protocol: 1,
            language,
            voice: true,
            audio_out: AudioOut::Opus,
            client: "portal".to_owned(),
        }),
        ClientMessage::Resume(Resume {
            protocol: 1,
            token: Token::from_random([9; 32]).reveal(),
            last_seq: 4,
            voice: false,
            audio_out: AudioOut::Pcm16,
        }),
        ClientMessage::Text(Text { id: id("m1"), text: text.to_owned() }),
        ClientMessage::AudioStart(AudioStart {
            id: id("a1"),
            codec: Codec::Pcm16,
            sample_rate: 16_000,
            expect: Vec::new(),
        }),
        ClientMessage::AudioStart(AudioStart {
            id: id("a2"),
            codec: Codec::Opus,
            sample_rate: 48_000,
            expect: vec![text.to_owned()],
        }),
        ClientMessage::Commit(Commit { id: id("a1") }),
        ClientMessage::Cancel(Cancel { id: Some(id("a1")) }),
        ClientMessage::Cancel(Cancel { id: None }),
        ClientMessage::Choose(Choose { id: id("c1"), clarify_seq: 3, choice: 2 }),
        ClientMessage::Person(Person { id: id("p1") }),
        ClientMessage::LeaveQueue(LeaveQueue { id: id("l1") }),
        ClientMessage::Callback(RequestCallback {
            id: id("b1"),
            number: "138 0013 8000".to_owned(),
            from: Some(common::at(0)),
            until: None,
        }),
        ClientMessage::Reopen(Reopen { id: id("o1") }),
        ClientMessage::Language(ChangeLanguage { id: id("g1"), language: language.other() }),
        ClientMessage::Voice(Voice { voice: true, slow: true }),
        ClientMessage::Repeat(Repeat { id: id("r1") }),
        ClientMessage::Rate(Rate { id: id("r2"), seq: 4, helpful: false }),
        ClientMessage::Heard(Heard { audio_id: 1, ms: 900 }),
        ClientMessage::Close(Close { id: id("x1") }),
        ClientMessage::Ping(Ping { n: 5 }),
    ]
}

#[test]
fn a_time_is_written_in_utc_with_milliseconds_and_read_in_any_offset() {
    assert_eq!(serde_json::to_string(&at(250)).unwrap(), "\"2026-03-01T08:00:00.250Z\"");
    let read: conversation::Timestamp = serde_json::from_str("\"2026-03-01T16:00:00.25+08:00\"").unwrap();
    assert_eq!(read, at(250));
}
