//! What the stories here share: a conversation in which everything happens.
#![allow(dead_code, reason = "every test file uses a part")]

use std::time::Duration;

use conversation::event::{LanguageChanged, Rated, Started};
use conversation::{
    Actor, AgentId, Answer, AnswerLink, AttemptOutcome, Channel, Choice, Circumstances, CitizenMessage,
    Clarify, ClarifyKind, ClosedBy, Considered, ConversationId, ConversationState, EscalationId,
    EscalationReason, Event, EventBody, HandoffCommand, HandoffLimits, MessageId, OfferId, Provenance, Say,
    SayAct, Source, Timestamp,
};
use kb::EntryId;
use language::Language;

pub fn both_languages() -> [Language; 2] {
    Language::ALL
}

pub fn text<'a>(language: Language, zh: &'a str, bo: &'a str) -> &'a str {
    match language {
        Language::Zh => zh,
        Language::Bo => bo,
    }
}

/// 2026-03-01T08:00:00Z and so many milliseconds.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_772_352_000_000 + millis)
}

pub fn agent() -> Actor {
    Actor { id: AgentId::from_random([3; 16]), name: "卓玛".to_owned() }
}

pub fn other_agent() -> Actor {
    Actor { id: AgentId::from_random([4; 16]), name: "བསྟན་འཛིན།".to_owned() }
}

pub fn escalation() -> EscalationId {
    EscalationId::from_random([2; 16])
}

pub fn offer() -> OfferId {
    OfferId::from_random([5; 16])
}

/// A wish to be called back within the second and third hour.
pub fn callback() -> HandoffCommand {
    HandoffCommand::RequestCallback {
        escalation: escalation(),
        number: "138 0013 8000".to_owned(),
        from: at(3_600_000),
        until: at(7_200_000),
    }
}

pub fn started(language: Language) -> EventBody {
    EventBody::Started(Started {
        conversation: ConversationId::from_random([1; 16]),
        language,
        channel: Channel::Portal,
        voice: true,
    })
}

pub fn citizen(language: Language, source: Source) -> EventBody {
    EventBody::CitizenMessage(CitizenMessage {
        id: MessageId::try_from("m1").unwrap(),
        text: text(language, "身份证丢了怎么办？", "ཐོབ་ཐང་ལག་ཁྱེར་ 身份证 བརླགས་ན་ག་རེ་བྱེད་དགོས།").to_owned(),
        source,
        language,
        dictation: source != Source::Voice,
        sound: None,
    })
}

fn considered(language: Language) -> Vec<Considered> {
    vec![Considered {
        entry: EntryId("id-card-lost".to_owned()),
        question: text(language, "身份证丢了怎么办？", "ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས།").to_owned(),
        confidence: 0.87,
    }]
}

fn provenance() -> Provenance {
    Provenance {
        answer_threshold: 0.8,
        clarify_threshold: 0.35,
        knowledge_base: "sample@3f2a".to_owned(),
        models: vec!["seed@91c0".to_owned()],
    }
}

pub fn answer(language: Language, reply_to: u64) -> EventBody {
    EventBody::Answer(Box::new(Answer {
        reply_to,
        entry: EntryId("id-card-lost".to_owned()),
        revision: "r1".to_owned(),
        language,
        question: text(language, "身份证丢了怎么办？", "ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས།").to_owned(),
        text: text(language, "请到派出所补办。", "ཉེན་རྟོག་ལས་ཁུངས་ལ་ (派出所) ཕེབས་རོགས།").to_owned(),
        spoken: text(language, "请到派出所补办。", "ཉེན་རྟོག་ལས་ཁུངས་ལ་ཕེབས་རོགས།").to_owned(),
        steps: vec![text(language, "带户口本", "ཁྱིམ་ཐོ་ཁྱེར་བ།").to_owned()],
        documents: vec![text(language, "户口本", "ཁྱིམ་ཐོ།").to_owned()],
        links: vec![AnswerLink { label: "12345".to_owned(), url: "https://example.org/".to_owned() }],
        office: Some(text(language, "派出所（示例）", "ཉེན་རྟོག་ལས་ཁུངས། (དཔེ་མཚོན།)").to_owned()),
        confidence: 0.87,
        sample: true,
        awaiting_review: language == Language::Bo,
        outdated_days: (language == Language::Bo).then_some(4),
        place: None,
        considered: considered(language),
        provenance: Some(provenance()),
    }))
}

pub fn clarify(language: Language, reply_to: u64) -> EventBody {
    EventBody::Clarify(Clarify {
        reply_to,
        prompt: text(language, "您是想问：", "ཁྱེད་ཀྱིས་འདྲི་འདོད་པ།").to_owned(),
        choices: vec![Choice {
            entry: EntryId("id-card-lost".to_owned()),
            question: text(language, "身份证丢了怎么办？", "ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་ན་").to_owned(),
            language: None,
        }],
        confirm: true,
        kind: ClarifyKind::Entry,
        failed: false,
        about: None,
        declined: Vec::new(),
        considered: considered(language),
        provenance: Some(provenance()),
    })
}

pub fn say(language: Language, act: SayAct) -> EventBody {
    EventBody::Say(Say {
        reply_to: None,
        text: text(language, "对不起，我没有听懂。", "དགོངས་དག ངས་གོ་མ་སོང་།").to_owned(),
        act,
        considered: considered(language),
        provenance: Some(provenance()),
    })
}

/// Builds a log event by event, second by second.
pub struct Log {
    pub events: Vec<Event>,
    pub state: ConversationState,
}

impl Log {
    pub fn begin(language: Language) -> Self {
        let first = Event { seq: 1, at: at(0), body: started(language) };
        Self { state: ConversationState::begin(&first).unwrap(), events: vec![first] }
    }

    pub fn push(&mut self, body: EventBody) {
        let seq = self.state.last_seq + 1;
        let event = Event { seq, at: at(i64::try_from(seq).unwrap() * 1_000), body };
        self.state.apply(&event).unwrap();
        self.events.push(event);
    }

    /// Withdraws the last turn.
    pub fn withdraw(&mut self) {
        let withdrawn = self.state.withdrawable().unwrap();
        self.push(EventBody::Withdrawn(withdrawn));
    }

    /// What transitions depend on now: a second after the last event.
    pub fn here(&self) -> Circumstances {
        self.state.circumstances(self.state.last_at.plus(Duration::from_secs(1)), HandoffLimits::default())
    }

    pub fn perform(&mut self, command: &HandoffCommand) {
        let bodies = self.state.handoff.perform(command, &self.here()).unwrap();
        for body in bodies {
            self.push(body);
        }
    }
}

/// Every kind of event and outcome at least once.
pub fn conversation_of_every_event(language: Language) -> Vec<Event> {
    let agent = agent();
    let mut log = Log::begin(language);
    log.push(say(language, SayAct::Greeting));
    log.push(citizen(language, Source::Voice));
    log.push(clarify(language, 3));
    log.push(citizen(language, Source::Choice));
    log.push(answer(language, 5));
    log.push(citizen(language, Source::Voice));
    log.push(say(language, SayAct::NotUnderstood));
    log.withdraw();
    log.push(citizen(language, Source::Voice));
    log.push(answer(language, 10));
    log.push(EventBody::Rated(Rated { of: 11, helpful: true }));
    log.push(EventBody::LanguageChanged(LanguageChanged { language: language.other() }));
    log.push(EventBody::LanguageChanged(LanguageChanged { language }));
    for reason in [EscalationReason::LowConfidence, EscalationReason::Policy, EscalationReason::Emergency] {
        log.perform(&HandoffCommand::Escalate { escalation: escalation(), reason });
        log.perform(&HandoffCommand::Cancel);
    }
    log.perform(&HandoffCommand::Escalate { escalation: escalation(), reason: EscalationReason::Asked });
    log.perform(&HandoffCommand::Claim { agent: agent.clone() });
    log.perform(&HandoffCommand::Lost { agent: agent.id });
    log.perform(&HandoffCommand::Claim { agent: other_agent() });
    log.perform(&HandoffCommand::Requeue {
        agent: other_agent(),
        note: Some("要藏语同事 བོད་སྐད་".to_owned()),
        skills: vec!["social-insurance".to_owned()],
    });
    log.perform(&HandoffCommand::Offer { offer: offer(), agent: agent.clone() });
    log.perform(&HandoffCommand::Decline { offer: offer(), agent: agent.clone() });
    log.perform(&HandoffCommand::Abandon);
    log.perform(&HandoffCommand::Reopen { escalation: escalation() });
    log.perform(&HandoffCommand::Offer { offer: offer(), agent: agent.clone() });
    log.perform(&HandoffCommand::Accept { offer: offer(), agent: agent.clone() });
    log.perform(&HandoffCommand::Join { supervisor: other_agent() });
    log.perform(&HandoffCommand::Depart { supervisor: other_agent() });
    log.perform(&HandoffCommand::Snooze {
        agent: agent.clone(),
        until: at(86_400_000),
        note: Some("等材料 ཡིག་ཆ་སྒུག".to_owned()),
    });
    log.perform(&HandoffCommand::Wake { agent: agent.clone() });
    log.perform(&HandoffCommand::Transfer {
        agent: agent.clone(),
        to: other_agent(),
        offer: offer(),
        note: Some("他知道 ཁོས་ཤེས་".to_owned()),
    });
    log.perform(&callback());
    log.perform(&HandoffCommand::Claim { agent: agent.clone() });
    for outcome in [AttemptOutcome::NoAnswer, AttemptOutcome::Reached] {
        log.perform(&HandoffCommand::CallbackAttempt { agent: agent.clone(), outcome, again: None });
        if outcome == AttemptOutcome::NoAnswer {
            log.perform(&HandoffCommand::Claim { agent: agent.clone() });
        }
    }
    log.perform(&HandoffCommand::Reassign { by: other_agent(), to: None, note: None });
    log.perform(&HandoffCommand::Claim { agent: agent.clone() });
    let words = text(language, "您好，我来帮您。", "བཀྲ་ཤིས་བདེ་ལེགས། ངས་རོགས་བྱེད་ཆོག");
    log.perform(&HandoffCommand::Message { agent: agent.clone(), text: words.to_owned(), sound: None });
    log.perform(&HandoffCommand::Return { agent: agent.clone(), note: None });
    log.perform(&HandoffCommand::Escalate { escalation: escalation(), reason: EscalationReason::Asked });
    log.perform(&HandoffCommand::Claim { agent: agent.clone() });
    log.perform(&HandoffCommand::Resolve { agent: agent.clone(), wrap_up: true });
    log.perform(&HandoffCommand::WrapUp {
        agent,
        disposition: Some("answered".to_owned()),
        note: Some("已办结 ཚར་སོང་".to_owned()),
    });
    let mut idle = Log::begin(language);
    idle.perform(&HandoffCommand::Close { by: ClosedBy::Idle });
    log.events.push(idle.events.remove(1));
    log.events
}
