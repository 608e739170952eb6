//! What the system itself tells a citizen about the handoff, in both languages.
//!
//! The Tibetan was not written by a native speaker: **every Tibetan text here awaits a native reviewer.**

use intents::EscalationReason;
use language::Language;

use crate::event::{ClosedBy, Outcome};

/// Something the system says about the handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase<'a> {
    /// The conversation now waits for a person.
    Escalated {
        /// Why: a citizen who did not ask for a person is told why one is called.
        reason: EscalationReason,
        /// Place in the queue, 1 = next.
        position: u32,
    },
    /// The citizen took the request back.
    EscalationCancelled,
    /// An agent took the conversation.
    AgentJoined {
        /// The agent's name.
        name: &'a str,
    },
    /// The agent is gone.
    AgentLeft {
        /// Why.
        outcome: Outcome,
    },
    /// The conversation is over.
    Closed {
        /// Who ended it.
        by: ClosedBy,
    },
}

impl Phrase<'_> {
    /// The words in one language.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::Zh => self.chinese(),
            Language::Bo => self.tibetan(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::Escalated { reason, position } => {
                let why = match reason {
                    EscalationReason::Asked => "好的，正在为您转接工作人员。",
                    EscalationReason::LowConfidence => "对不起，这个问题我答不好，正在为您转接工作人员。",
                    EscalationReason::Policy => "这件事需要工作人员办理，正在为您转接。",
                    EscalationReason::Emergency => "情况紧急请直接拨打110、119或120。正在为您转接工作人员。",
                };
                format!("{why}您排在第{position}位，请稍候。")
            }
            Self::EscalationCancelled => "已取消人工服务。您可以继续向我提问。".to_owned(),
            Self::AgentJoined { name } => format!("工作人员{name}已接入，为您服务。"),
            Self::AgentLeft { outcome: Outcome::Returned } => {
                "工作人员已离开，由智能助手继续为您服务。".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Resolved } => "工作人员已结束本次服务。".to_owned(),
            Self::AgentLeft { outcome: Outcome::Requeued } => {
                "正在为您转接另一位工作人员，您的排队时间仍然保留。".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Lost } => {
                "与工作人员的连接已中断，您的排队时间仍然保留，请稍候。".to_owned()
            }
            Self::Closed { by: ClosedBy::Citizen | ClosedBy::Agent } => {
                "本次对话已结束，感谢您的咨询。".to_owned()
            }
            Self::Closed { by: ClosedBy::Idle } => "因长时间没有消息，本次对话已结束。".to_owned(),
        }
    }

    fn tibetan(&self) -> String {
        match self {
            Self::Escalated { reason, position } => {
                let why = match reason {
                    EscalationReason::Asked => "འགྲིག་སོང་། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།",
                    EscalationReason::LowConfidence => {
                        "དགོངས་དག ངས་ལན་ཡག་པོ་འདེབས་ཐུབ་མ་སོང་། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།"
                    }
                    EscalationReason::Policy => "དོན་དག་འདི་ལས་བྱེད་པས་སྒྲུབ་དགོས། འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།",
                    EscalationReason::Emergency => {
                        "ཛ་དྲག་ཡིན་ན་ཐད་ཀར་ 110 119 120 ལ་ཁ་པར་གཏོང་རོགས། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།"
                    }
                };
                format!("{why} ཁྱེད་ཀྱི་གོ་རིམ་ {} ཡིན། ཅུང་ཙམ་སྒུག་རོགས།", tibetan_digits(*position))
            }
            Self::EscalationCancelled => {
                "ལས་བྱེད་པ་ལ་མཐུད་པའི་རེ་འདུན་ཕྱིར་འཐེན་བྱས་སོང་། ང་ལ་མུ་མཐུད་དྲི་བ་འདྲི་ཆོག".to_owned()
            }
            Self::AgentJoined { name } => format!("ལས་བྱེད་པ་ {name} ཁྱེད་ལ་ཞབས་ཞུ་བྱེད་པར་འབྱོར་སོང་།"),
            Self::AgentLeft { outcome: Outcome::Returned } => {
                "ལས་བྱེད་པ་ཕྱིར་ཐོན་སོང་། རིག་ནུས་ལས་རོགས་ཀྱིས་མུ་མཐུད་ཞབས་ཞུ་བྱེད་ཀྱི་ཡིན།".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Resolved } => {
                "ལས་བྱེད་པས་ཐེངས་འདིའི་ཞབས་ཞུ་མཇུག་བསྡུས་སོང་།".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Requeued } => {
                "ལས་བྱེད་པ་གཞན་ཞིག་ལ་མཐུད་བཞིན་ཡོད། ཁྱེད་ཀྱི་གྲལ་སྒུག་དུས་ཚོད་སྔར་བཞིན་ཡིན།".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Lost } => {
                "ལས་བྱེད་པའི་འབྲེལ་མཐུད་ཆད་སོང་། ཁྱེད་ཀྱི་གྲལ་སྒུག་དུས་ཚོད་སྔར་བཞིན་ཡིན། ཅུང་ཙམ་སྒུག་རོགས།".to_owned()
            }
            Self::Closed { by: ClosedBy::Citizen | ClosedBy::Agent } => {
                "ཐེངས་འདིའི་གླེང་མོལ་མཇུག་བསྡུས་སོང་། ཁྱེད་ལ་ཐུགས་རྗེ་ཆེ།".to_owned()
            }
            Self::Closed { by: ClosedBy::Idle } => "ཡུན་རིང་འཕྲིན་མེད་པས་ཐེངས་འདིའི་གླེང་མོལ་མཇུག་བསྡུས་སོང་།".to_owned(),
        }
    }
}

/// A number in Tibetan digits (U+0F20 to U+0F29).
fn tibetan_digits(number: u32) -> String {
    number
        .to_string()
        .chars()
        .map(|digit| digit.to_digit(10).and_then(|value| char::from_u32(0x0F20 + value)).unwrap_or(digit))
        .collect()
}
