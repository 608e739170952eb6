//! What the stories of the store share.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use conversation::{
    Agent, AgentId, Append, Appended, Channel, CitizenMessage, ConversationId, ConversationState,
    EscalationId, EscalationReason, Event, EventBody, HandoffCommand, ManualClock, MessageId, MessageKey,
    NewConversation, Say, SayAct, Source, Store, Timestamp, Token,
};
use language::Language;

/// A fresh store with a clock that stands still.
pub struct Bench {
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    /// What must live as long as the store, such as its folder.
    pub _keep: Box<dyn Any + Send + Sync>,
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(1_772_352_000_000)))
}

pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

pub fn new_conversation(language: Language) -> (NewConversation, Token) {
    let token = Token::from_random(random());
    let new = NewConversation {
        id: ConversationId::generate(),
        token: token.hash(),
        language,
        channel: Channel::Portal,
        voice: false,
        call: None,
    };
    (new, token)
}

pub fn message_id(text: &str) -> MessageId {
    MessageId::try_from(text).unwrap()
}

/// A question in mixed script, told apart by its number.
pub fn question(id: &str) -> EventBody {
    EventBody::CitizenMessage(CitizenMessage {
        id: message_id(id),
        text: format!("ཐོབ་ཐང་ལག་ཁྱེར་ 身份证 {id} བརླགས་ན་ག་རེ་བྱེད་དགོས།"),
        source: Source::Text,
        language: Language::Bo,
        dictation: true,
        sound: None,
    })
}

pub fn say(act: SayAct) -> EventBody {
    EventBody::Say(Say {
        reply_to: None,
        text: "དགོངས་དག 对不起".to_owned(),
        act,
        considered: Vec::new(),
        provenance: None,
    })
}

/// A citizen's question with its key.
pub fn ask(conversation: ConversationId, id: &str) -> Append {
    Append::to(conversation).because_of(MessageKey::citizen(message_id(id))).event(question(id))
}

pub fn escalate(conversation: ConversationId) -> Append {
    Append::to(conversation).then(HandoffCommand::Escalate {
        escalation: EscalationId::generate(),
        reason: EscalationReason::Asked,
    })
}

pub fn claim(conversation: ConversationId, agent: &Agent) -> Append {
    Append::to(conversation).then(HandoffCommand::Claim { agent: agent.actor() })
}

impl Bench {
    pub async fn begin(&self, language: Language) -> ConversationId {
        let (new, _) = new_conversation(language);
        self.store.create(new).await.unwrap().conversation
    }

    /// A conversation that waits; the clock moves on by a second before.
    pub async fn waiting(&self) -> ConversationId {
        self.clock.advance(Duration::from_secs(1));
        let id = self.begin(Language::Bo).await;
        self.store.append(escalate(id)).await.unwrap();
        id
    }

    pub async fn agent(&self, name: &str) -> Agent {
        let agent =
            Agent { id: AgentId::generate(), name: name.to_owned(), languages: Language::ALL.to_vec() };
        self.store.add_agent(agent.clone(), "$argon2id$test".to_owned()).await.unwrap();
        agent
    }

    pub async fn events(&self, id: ConversationId) -> Vec<Event> {
        self.store.events_after(id, 0, 100_000).await.unwrap()
    }

    pub async fn state(&self, id: ConversationId) -> ConversationState {
        self.store.conversation(id).await.unwrap().unwrap()
    }

    /// The log has no gap, and the state beside it is its fold.
    pub async fn check_log(&self, id: ConversationId) -> Vec<Event> {
        let events = self.events(id).await;
        let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(places, (1..=events.len() as u64).collect::<Vec<_>>());
        assert_eq!(ConversationState::replay(&events).unwrap(), self.state(id).await);
        events
    }
}

pub fn new_events(appended: Appended) -> Arc<[Event]> {
    match appended {
        Appended::New { events, .. } => events,
        Appended::Already { seq } => panic!("had been accepted before, as {seq:?}"),
    }
}
