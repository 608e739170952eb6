//! A change of the knowledge base on its way: written by one person (or several), approved by another.
//!
//! ```text
//! (new) ──► Submitted ──approve, by nobody who wrote it──► Approved (and published)
//!              │  ▲ └──refuse──► Refused
//!              │  └──change────────┘
//!              └──withdraw──► Withdrawn
//! ```

use conversation::{AgentId, ConversationId, LanguageCode, Timestamp};
use intents::PerLanguage;
use kb::{Date, Entry, EntryId, IllegalStep, Review, Step};
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where a proposal is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Somebody else is to look at it.
    Submitted,
    /// Approved and published.
    Approved,
    /// Somebody else wants it otherwise; it can be changed and is submitted again by that.
    Refused,
    /// Taken back by those who wrote it.
    Withdrawn,
}

/// What becomes of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposedChange {
    /// It begins.
    Added,
    /// It says something else.
    Changed,
    /// It ends.
    Removed,
}

/// Somebody who did something with a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hand {
    /// Their account.
    pub id: AgentId,
    /// The name that they log in with.
    pub name: String,
    /// When they did it last.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// A conversation in which an agent gave the answer that is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The place of the agent's message in it.
    pub seq: u64,
    /// The language of the two.
    #[schemars(with = "LanguageCode")]
    pub language: Language,
}

/// Which of the texts say what the other language says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The Chinese one.
    pub zh: bool,
    /// The Tibetan one.
    pub bo: bool,
}

/// A change on its way, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which entry.
    pub entry: EntryId,
    /// What becomes of it.
    pub change: ProposedChange,
    /// The entry as it is to be; `None` where it is to end. A text whose `review` is `published` is to be signed by the approval; one
    /// that says `awaiting-native-reviewer`, `sample` or `draft` stays so and is served with that remark.
    pub content: Option<Entry>,
    /// The entry as it was when it was changed ([`fingerprint`]); `None` where there was none.
    pub base: Option<String>,
    /// Texts that were compared with the other language, as it is in `content`.
    #[serde(default)]
    pub compared: Compared,
    /// Where it is on its way.
    pub state: ProposalState,
    /// Everybody who wrote it; the last one signs as its reviewer.
    pub hands: Vec<Hand>,
    /// What whoever wrote it wants to say about it.
    #[serde(default)]
    pub note: String,
    /// An agent's answer from which it was made.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Who approved or refused it last.
    #[serde(default)]
    pub decided: Option<Hand>,
    /// Why it was refused.
    #[serde(default)]
    pub reason: String,
}

/// Names what an entry says, signatures included: whoever changed an entry that is not this one any more has to look again.
pub fn fingerprint(entry: &Entry) -> String {
    // Strings and lists always serialise.
    let bytes = serde_json::to_vec(entry).unwrap_or_default();
    hex::encode(&Sha256::digest(bytes)[..16])
}

/// Why a proposal cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Whoever approves wrote it.
    #[error("you wrote this yourself: somebody else must approve it")]
    OwnWork,
    /// The steps of review do not allow it.
    #[error("{language}: {step}")]
    Step {
        /// Of which text.
        language: Language,
        /// Why.
        step: IllegalStep,
    },
}

impl Proposal {
    /// Whether somebody wrote in it.
    pub fn is_by(&self, person: AgentId) -> bool {
        self.hands.iter().any(|hand| hand.id == person)
    }

    /// Somebody has written in it.
    pub fn written_by(&mut self, hand: Hand) {
        self.hands.retain(|other| other.id != hand.id);
        self.hands.push(hand);
    }

    /// The entry as it is published once `by` approves: texts that were changed carry the signatures of whoever wrote last and of whoever
    /// approves, the others keep theirs. `None` where the entry ends.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn signed(&self, served: Option<&Entry>, by: &Hand, today: Date) -> Result<Option<Entry>, Unsigned> {
        if self.is_by(by.id) {
            return Err(Unsigned::OwnWork);
        }
        let Some(content) = &self.content else { return Ok(None) };
        let writer = self.hands.last().map_or("", |hand| &hand.name);
        let mut entry = content.clone();
        for language in Language::ALL {
            sign(&mut entry, served, language, (writer, &by.name), today)
                .map_err(|step| Unsigned::Step { language, step })?;
        }
        let compared = PerLanguage { bo: self.compared.bo, zh: self.compared.zh };
        for language in Language::ALL.into_iter().filter(|language| *compared.get(*language)) {
            let other = entry.content_revision(language.other());
            if let Some(text) = entry.text_mut(language) {
                text.translated_from = other;
            }
        }
        Ok(Some(entry))
    }
}

fn sign(
    entry: &mut Entry,
    served: Option<&Entry>,
    language: Language,
    (writer, approver): (&str, &str),
    today: Date,
) -> Result<(), IllegalStep> {
    let revision = entry.content_revision(language);
    let Some(text) = entry.text_mut(language) else { return Ok(()) };
    let wanted = text.review;
    let before = served
        .and_then(|served| served.text(language).filter(|_| served.content_revision(language) == revision));
    if let Some(before) = before
        && (before.review == wanted || before.review == Review::Approved)
    {
        // The same words, and nobody wants their state changed: their signatures stay.
        text.review = before.review;
        text.reviewed.clone_from(&before.reviewed);
        text.published.clone_from(&before.published);
        return Ok(());
    }
    (text.reviewed, text.published, text.updated) = (None, None, Some(today));
    match wanted {
        Review::Draft | Review::AwaitingNativeReviewer | Review::Sample => return Ok(()),
        Review::Reviewed | Review::Published | Review::Approved => text.review = Review::Draft,
    }
    for (step, by) in [(Step::Review, writer), (Step::Publish, approver)] {
        let signed = entry.after(step, language, by, today)?;
        if let Some(text) = entry.text_mut(language) {
            *text = signed;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kb::{Stage, Text, Translation};

    use super::*;

    fn text(question: &str, review: Review) -> Text {
        let (spoken, written) = ("答。".to_owned(), "答。".to_owned());
        Text { question: question.into(), spoken, written, review, ..Text::default() }
    }

    fn hand(number: u128, name: &str) -> Hand {
        let id = uuid::Uuid::from_u128(number).to_string().parse().unwrap();
        Hand { id, name: name.into(), at: Timestamp::from_millis(0) }
    }

    fn proposal(content: Entry) -> Proposal {
        Proposal {
            entry: content.id.clone(),
            change: ProposedChange::Added,
            content: Some(content),
            base: None,
            compared: Compared { zh: false, bo: true },
            state: ProposalState::Submitted,
            hands: vec![hand(1, "pema"), hand(2, "dolma")],
            note: String::new(),
            origin: None,
            decided: None,
            reason: String::new(),
        }
    }

    fn today() -> Date {
        "2026-11-30".parse().unwrap()
    }

    #[test]
    fn two_people_sign_and_none_who_wrote_approves() {
        let entry = Entry {
            id: EntryId("a".into()),
            topic: "t".into(),
            zh: Some(text("问", Review::Published)),
            bo: Some(text("གང་།", Review::AwaitingNativeReviewer)),
            ..Entry::default()
        };
        let proposal = proposal(entry);
        for (number, name) in [(1, "pema"), (2, "dolma")] {
            assert_eq!(proposal.signed(None, &hand(number, name), today()), Err(Unsigned::OwnWork));
        }
        // Another account of the same name is no second person to whoever reads the file.
        assert!(matches!(
            proposal.signed(None, &hand(3, "Dolma"), today()),
            Err(Unsigned::Step { step: IllegalStep::SameActor(_), .. })
        ));
        let signed = proposal.signed(None, &hand(4, "tashi"), today()).unwrap().unwrap();
        assert_eq!(signed.stage(Language::Zh), Some(Stage::Published));
        let zh = signed.zh.as_ref().unwrap();
        assert_eq!(zh.reviewed.as_ref().unwrap().by, "dolma");
        assert_eq!(zh.published.as_ref().unwrap().by, "tashi");
        let bo = signed.bo.as_ref().unwrap();
        assert_eq!((bo.review, &bo.reviewed), (Review::AwaitingNativeReviewer, &None));
        assert_eq!(signed.translation(Language::Bo), Translation::Current);
    }

    #[test]
    fn a_text_that_is_not_changed_keeps_its_signatures() {
        let entry = Entry {
            id: EntryId("a".into()),
            topic: "t".into(),
            zh: Some(text("问", Review::Published)),
            bo: Some(text("གང་།", Review::Published)),
            ..Entry::default()
        };
        let served = proposal(entry).signed(None, &hand(4, "tashi"), today()).unwrap().unwrap();
        let mut changed = served.clone();
        changed.zh.as_mut().unwrap().written = "新的答。".into();
        let later: Date = "2026-12-24".parse().unwrap();
        let next =
            Proposal { compared: Compared::default(), hands: vec![hand(4, "tashi")], ..proposal(changed) };
        let signed = next.signed(Some(&served), &hand(5, "nyima"), later).unwrap().unwrap();
        assert_eq!(signed.bo, served.bo, "nobody touched the Tibetan");
        let zh = signed.zh.as_ref().unwrap();
        assert_eq!(
            (zh.reviewed.as_ref().unwrap().by.as_str(), zh.published.as_ref().unwrap().on),
            ("tashi", later)
        );
        assert!(
            matches!(signed.translation(Language::Bo), Translation::Outdated { .. }),
            "and it is behind now"
        );
    }
}
