//! Half an hour at the hotline, second by second, with the clock in our hands: 2,000 citizens, 100 agents, a real store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use assistant::store::SqlStore;
use assistant::vault::keyring::FileSource;
use conversation::event::EventBody;
use conversation::routing::Presence;
use conversation::{
    Agent, AgentId, Append, Channel, CitizenMessage, Clock as _, ClosedBy, ConversationId, ConversationState,
    EscalationId, EscalationReason, HandoffCommand, ManualClock, MessageId, MessageKey, NewConversation,
    OfferId, Source, Status, Store, StoreError, Timestamp, Token,
};
use futures::future::join_all;
use language::Language;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::super::{Report, percentile};

const CITIZENS: usize = 2_000;
const AGENTS: usize = 100;
/// Citizens come in the first half hour …
const SECONDS: u64 = 1_800;
/// … and nobody is left two hours later.
const AT_MOST: u64 = SECONDS + 7_200;

struct House {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    agents: Vec<Agent>,
    random: StdRng,
    /// By conversation: when its agent has had enough of it.
    until: HashMap<ConversationId, u64>,
    /// Agents whose connection is lost until then.
    lost: HashMap<AgentId, u64>,
    open: HashSet<ConversationId>,
    escalated: usize,
    ended: HashMap<&'static str, usize>,
    waited: Vec<f64>,
    refused: usize,
}

/// All of it.
///
/// # Errors
/// Where the store fails, or somebody is lost.
pub async fn simulated(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_352_000_000)));
    let keys = FileSource::new(&folder.path().join("key"), &data)?;
    let store = SqlStore::open_file(&data.join("store.sqlite"), Box::new(keys), clock.clone()).await?;
    let store: Arc<dyn Store> = Arc::new(store);
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        // A fifth speaks Tibetan only, a fifth Chinese only.
        let languages = match number % 5 {
            0 => vec![Language::Bo],
            1 => vec![Language::Zh],
            _ => Language::ALL.to_vec(),
        };
        let agent = Agent { id: AgentId::generate(), name: format!("卓玛 {number}"), languages };
        store.add_agent(agent.clone(), "$argon2id$none".to_owned()).await?;
        store.set_presence(agent.id, Presence::Available).await?;
        agents.push(agent);
    }
    let mut house = House {
        store,
        clock,
        agents,
        random: StdRng::seed_from_u64(5),
        until: HashMap::new(),
        lost: HashMap::new(),
        open: HashSet::new(),
        escalated: 0,
        ended: HashMap::new(),
        waited: Vec::new(),
        refused: 0,
    };
    let begun = Instant::now();
    let mut second = 0;
    let mut all = Vec::new();
    while second < SECONDS || !house.open.is_empty() {
        if second == AT_MOST {
            let open = house.store.open_escalations().await?;
            bail!("{} have not ended after two hours; in the store: {open:?}", house.open.len());
        }
        let arriving = if second < SECONDS { arrivals(second) } else { 0 };
        all.extend(house.arrive(arriving).await?);
        house.tick(second).await?;
        house.clock.advance(Duration::from_secs(1));
        second += 1;
    }
    let mut checked = 0;
    for id in &all {
        let events = house.store.events_after(*id, 0, u32::MAX).await?;
        ensure!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{id} has a gap");
        let state = house.store.conversation(*id).await?.context("a conversation is gone")?;
        ensure!(ConversationState::replay(&events)? == state, "{id} is not what its log says");
        checked += 1;
    }
    report.tell(
        "simulated half hour: citizens, each log folded to its state",
        f64::from(checked),
        "conversations",
    );
    report.tell("simulated half hour: escalations", house.escalated as f64, "escalations");
    let ended: usize = house.ended.values().sum();
    for (how, count) in &house.ended {
        report.tell(&format!("simulated half hour: ended by {how}"), *count as f64, "escalations");
    }
    report.at_most(
        "simulated half hour: escalations that did not end",
        (house.escalated - ended) as f64,
        0.0,
        "escalations",
    );
    report.at_most(
        "simulated half hour: left open in the store",
        house.store.open_escalations().await?.len() as f64,
        0.0,
        "escalations",
    );
    report.tell("simulated half hour: wait for a person, p50", percentile(&house.waited, 0.5), "s");
    report.tell("simulated half hour: wait for a person, p95", percentile(&house.waited, 0.95), "s");
    report.tell(
        "simulated half hour: commands that were too late and refused",
        house.refused as f64,
        "commands",
    );
    report.tell(
        "simulated half hour: simulated time over real time",
        second as f64 / begun.elapsed().as_secs_f64(),
        "x",
    );
    Ok(())
}

/// How many come in that second: evenly.
const fn arrivals(second: u64) -> usize {
    let before = second as usize * CITIZENS / SECONDS as usize;
    (second as usize + 1) * CITIZENS / SECONDS as usize - before
}

fn message(id: &str, language: Language) -> Option<(MessageKey, EventBody)> {
    let id = MessageId::try_from(id).ok()?;
    let message = CitizenMessage {
        id: id.clone(),
        text: "身份证丢了怎么办 ལག་ཁྱེར་བོར་སོང་".to_owned(),
        source: Source::Text,
        language,
        dictation: true,
        sound: None,
    };
    Some((MessageKey::citizen(id), EventBody::CitizenMessage(message)))
}

impl House {
    async fn arrive(&mut self, count: usize) -> Result<Vec<ConversationId>> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let language = if self.random.random_bool(0.5) { Language::Bo } else { Language::Zh };
            let new = NewConversation {
                id: ConversationId::generate(),
                token: Token::from_random(self.random.random()).hash(),
                language,
                channel: Channel::Portal,
                voice: self.random.random_bool(0.2),
                call: None,
            };
            let id = self.store.create(new).await?.conversation;
            ids.push(id);
            let (key, event) = message("m1", language).context("an id")?;
            let mut append = Append::to(id).because_of(key).event(event);
            if self.random.random_bool(0.6) {
                let reasons =
                    [EscalationReason::Asked, EscalationReason::LowConfidence, EscalationReason::Emergency];
                let reason = reasons[self.random.random_range(0..3)];
                append =
                    append.then(HandoffCommand::Escalate { escalation: EscalationId::generate(), reason });
                self.escalated += 1;
                self.open.insert(id);
            }
            self.store.append(append).await?;
        }
        Ok(ids)
    }

    async fn tick(&mut self, second: u64) -> Result<()> {
        for id in self.store.do_what_is_due().await? {
            self.settle(id).await?;
        }
        self.store.route().await?;
        if second.is_multiple_of(5) {
            let silent = self.clock.now().minus(Duration::from_mins(1));
            self.store.release_lost_agents(silent).await?;
        }
        // Connections are lost for two minutes now and then.
        if self.random.random_bool(0.2) {
            let agent = self.agents[self.random.random_range(0..AGENTS)].id;
            self.lost.insert(agent, second + 120);
        }
        self.lost.retain(|_, until| *until > second);
        if second.is_multiple_of(20) {
            let present = self.agents.iter().filter(|agent| !self.lost.contains_key(&agent.id));
            let beats = join_all(present.map(|agent| self.store.heartbeat(agent.id))).await;
            beats.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        let items = self.store.open_escalations().await?;
        let mut commands = Vec::new();
        for item in items {
            if let Some(command) = self.next(&item, second) {
                commands.push((item.conversation, command));
            }
        }
        let done = join_all(
            commands.iter().map(|(id, command)| self.store.append(Append::to(*id).then(command.clone()))),
        )
        .await;
        for ((id, _), done) in commands.iter().zip(done) {
            match done {
                Ok(_) => {}
                Err(StoreError::Handoff(_) | StoreError::Closed) => self.refused += 1,
                Err(error) => return Err(error.into()),
            }
            self.settle(*id).await?;
        }
        Ok(())
    }

    /// Counts what has ended.
    async fn settle(&mut self, id: ConversationId) -> Result<()> {
        let state = self.store.conversation(id).await?.context("a conversation is gone")?;
        if state.handoff.ticket().is_some() || !self.open.remove(&id) {
            return Ok(());
        }
        self.until.remove(&id);
        let how = match (state.status(), &state.handoff) {
            (Status::Bot, _) if state.last_agent.is_some() => "the agent, back to the assistant",
            (Status::Bot, _) => "the citizen, who left the queue",
            (_, conversation::Handoff::Closed { by: ClosedBy::Citizen }) => "the citizen, who was done",
            (_, conversation::Handoff::Closed { by: ClosedBy::Abandoned }) => "the citizen, who hung up",
            (_, conversation::Handoff::Closed { by: ClosedBy::Unreachable }) => {
                "calls back that nobody answered"
            }
            _ => "the agent",
        };
        *self.ended.entry(how).or_default() += 1;
        Ok(())
    }

    /// What happens to it in this second.
    fn next(&mut self, item: &conversation::QueueItem, second: u64) -> Option<HandoffCommand> {
        let agent = |actor: &conversation::Actor| actor.clone();
        let there = |house: &Self, id: AgentId| !house.lost.contains_key(&id);
        match item.status {
            Status::Offered => {
                let offer = item.offer.as_ref()?;
                if !there(self, offer.agent.id) || !self.random.random_bool(0.25) {
                    return None;
                }
                if self.random.random_bool(0.1) {
                    return Some(HandoffCommand::Decline { offer: offer.id, agent: agent(&offer.agent) });
                }
                self.waited.push(self.clock.now().since(item.since).as_secs_f64());
                self.until.insert(item.conversation, second + self.random.random_range(60..300));
                Some(HandoffCommand::Accept { offer: offer.id, agent: agent(&offer.agent) })
            }
            Status::Queued => match self.random.random_range(0..4_000) {
                0..4 => Some(HandoffCommand::Cancel),
                4..8 => Some(HandoffCommand::Abandon),
                8..12 => Some(HandoffCommand::RequestCallback {
                    escalation: EscalationId::generate(),
                    number: "13800138000".to_owned(),
                    from: self.clock.now(),
                    until: self.clock.now().plus(Duration::from_mins(20)),
                }),
                _ => None,
            },
            Status::Callback => {
                // Somebody with nothing else to do calls.
                let caller =
                    self.agents.iter().find(|a| a.languages.contains(&item.language) && there(self, a.id))?;
                let command = HandoffCommand::Claim { agent: caller.actor() };
                self.until.insert(item.conversation, second + 30);
                Some(command)
            }
            Status::Assigned => {
                let holder = item.holder.clone()?;
                if !there(self, holder.id)
                    || *self.until.entry(item.conversation).or_insert(second + 60) > second
                {
                    return None;
                }
                if item.callback.as_ref().is_some_and(|callback| !callback.is_done()) {
                    let busy = self.random.random_bool(0.5);
                    let outcome = if busy {
                        conversation::AttemptOutcome::Busy
                    } else {
                        conversation::AttemptOutcome::Reached
                    };
                    return Some(HandoffCommand::CallbackAttempt { agent: holder, outcome, again: None });
                }
                let other = self.agents[self.random.random_range(0..AGENTS)].actor();
                Some(match self.random.random_range(0..20) {
                    0 => HandoffCommand::Requeue { agent: holder, note: None, skills: Vec::new() },
                    1 => HandoffCommand::Transfer {
                        agent: holder,
                        to: other,
                        offer: OfferId::generate(),
                        note: None,
                    },
                    2 => HandoffCommand::Return { agent: holder, note: None },
                    3 => HandoffCommand::Snooze {
                        agent: holder,
                        until: self.clock.now().plus(Duration::from_mins(5)),
                        note: None,
                    },
                    4 => HandoffCommand::Close { by: ClosedBy::Citizen },
                    5..12 => HandoffCommand::Resolve { agent: holder, wrap_up: true },
                    _ => HandoffCommand::Resolve { agent: holder, wrap_up: false },
                })
            }
            Status::Wrapping if self.random.random_bool(0.02) => {
                let agent = item.holder.clone()?;
                Some(HandoffCommand::WrapUp { agent, disposition: Some("answered".to_owned()), note: None })
            }
            // Who hung up comes back sometimes; time does the rest.
            Status::Abandoned if self.random.random_bool(0.002) => {
                Some(HandoffCommand::Reopen { escalation: item.escalation })
            }
            _ => None,
        }
    }
}
