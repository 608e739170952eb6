//! What the system itself tells a citizen about the handoff, in both languages.
//!
//! The Tibetan was not written by a native speaker: **every Tibetan text here awaits a native reviewer.**

use intents::EscalationReason;
use language::Language;

use crate::event::{ClosedBy, Outcome};
use crate::handoff::AttemptOutcome;
use crate::wait::{Opening, OpensAt, WaitRange};

/// Something the system says about the handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase<'a> {
    /// The conversation now waits for a person.
    Escalated {
        /// Why: a citizen who did not ask for a person is told why one is called.
        reason: EscalationReason,
        /// Place in the queue, 1 = next.
        position: u32,
        /// How long it may take, where that is known.
        wait: Option<WaitRange>,
        /// Whether people are at work.
        opening: Opening,
    },
    /// Who waits is told that the office has closed.
    OfficeClosed {
        /// When it opens again, where the hours say so.
        opens: Option<OpensAt>,
    },
    /// The citizen took the request back.
    EscalationCancelled,
    /// The citizen will be called back.
    CallbackRequested,
    /// The citizen was called back.
    CallbackAttempted {
        /// What came of it.
        outcome: AttemptOutcome,
        /// Whether it is tried again.
        again: bool,
    },
    /// The citizen came back.
    Reopened {
        /// Place in the queue, 1 = next.
        position: u32,
    },
    /// The agent is back at the conversation.
    Woken,
    /// A supervisor takes part.
    SupervisorJoined {
        /// Their name.
        name: &'a str,
    },
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
            Self::Escalated { reason, position, wait, opening } => {
                let why = match reason {
                    EscalationReason::Asked | EscalationReason::Reopened => "好的，正在为您转接工作人员。",
                    EscalationReason::LowConfidence => "对不起，这个问题我答不好，正在为您转接工作人员。",
                    EscalationReason::Policy => "这件事需要工作人员办理，正在为您转接。",
                    EscalationReason::Emergency => "情况紧急请直接拨打110、119或120。正在为您转接工作人员。",
                };
                match opening {
                    Opening::Closed { opens } => format!("{why}{}", closed_zh(*opens)),
                    Opening::Open => {
                        format!("{why}您排在第{position}位{}，请稍候。", wait.map_or(String::new(), wait_zh))
                    }
                }
            }
            Self::OfficeClosed { opens } => format!("{}您的排队时间仍然保留。", closed_zh(*opens)),
            Self::CallbackRequested => {
                "好的，工作人员会在您方便的时间给您回电话，您不用在这里等候。".to_owned()
            }
            Self::CallbackAttempted { outcome: AttemptOutcome::Reached, .. } => {
                "工作人员已给您回电话。".to_owned()
            }
            Self::CallbackAttempted { again: true, .. } => {
                "工作人员给您回电话，没有接通，会再打给您。".to_owned()
            }
            Self::CallbackAttempted { again: false, .. } => {
                "工作人员给您回电话，没有接通。如果还需要帮助，请再联系我们。".to_owned()
            }
            Self::Reopened { position } => {
                format!("欢迎回来，正在为您接通工作人员。您排在第{position}位，请稍候。")
            }
            Self::Woken => "工作人员回来继续为您服务。".to_owned(),
            Self::SupervisorJoined { name } => format!("{name}也加入了对话，一起为您服务。"),
            Self::EscalationCancelled => "已取消人工服务。您可以继续向我提问。".to_owned(),
            Self::AgentJoined { name } => format!("工作人员{name}已接入，为您服务。"),
            Self::AgentLeft { outcome: Outcome::Returned } => {
                "工作人员已离开，由智能助手继续为您服务。".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Resolved } => "工作人员已结束本次服务。".to_owned(),
            Self::AgentLeft { outcome: Outcome::Requeued | Outcome::Transferred | Outcome::Reassigned } => {
                "正在为您转接另一位工作人员，您的排队时间仍然保留。".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Lost } => {
                "与工作人员的连接已中断，您的排队时间仍然保留，请稍候。".to_owned()
            }
            Self::Closed { by: ClosedBy::Citizen | ClosedBy::Agent } => {
                "本次对话已结束，感谢您的咨询。".to_owned()
            }
            Self::Closed { by: ClosedBy::Idle } => "因长时间没有消息，本次对话已结束。".to_owned(),
            Self::Closed { by: ClosedBy::Abandoned } => {
                "您已离开排队，本次对话已结束。需要时请再联系我们。".to_owned()
            }
            Self::Closed { by: ClosedBy::Unreachable } => {
                "多次回电话没有接通，本次对话已结束。需要时请再联系我们。".to_owned()
            }
        }
    }

    fn tibetan(&self) -> String {
        match self {
            Self::Escalated { reason, position, wait, opening } => {
                let why = match reason {
                    EscalationReason::Asked | EscalationReason::Reopened => {
                        "འགྲིག་སོང་། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།"
                    }
                    EscalationReason::LowConfidence => {
                        "དགོངས་དག ངས་ལན་ཡག་པོ་འདེབས་ཐུབ་མ་སོང་། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།"
                    }
                    EscalationReason::Policy => "དོན་དག་འདི་ལས་བྱེད་པས་སྒྲུབ་དགོས། འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།",
                    EscalationReason::Emergency => {
                        "ཛ་དྲག་ཡིན་ན་ཐད་ཀར་ 110 119 120 ལ་ཁ་པར་གཏོང་རོགས། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད།"
                    }
                };
                match opening {
                    Opening::Closed { opens } => format!("{why} {}", closed_bo(*opens)),
                    Opening::Open => format!(
                        "{why} ཁྱེད་ཀྱི་གོ་རིམ་ {} ཡིན།{} ཅུང་ཙམ་སྒུག་རོགས།",
                        tibetan_digits(*position),
                        wait.map_or(String::new(), wait_bo)
                    ),
                }
            }
            Self::OfficeClosed { opens } => {
                format!("{} ཁྱེད་ཀྱི་གྲལ་སྒུག་དུས་ཚོད་སྔར་བཞིན་ཡིན།", closed_bo(*opens))
            }
            Self::CallbackRequested => {
                "འགྲིག་སོང་། ལས་བྱེད་པས་ཁྱེད་རང་སྟབས་བདེའི་དུས་ལ་ཁ་པར་སླར་གཏོང་གི་རེད། འདིར་སྒུག་མི་དགོས།".to_owned()
            }
            Self::CallbackAttempted { outcome: AttemptOutcome::Reached, .. } => {
                "ལས་བྱེད་པས་ཁྱེད་ལ་ཁ་པར་བཏང་ཚར་སོང་།".to_owned()
            }
            Self::CallbackAttempted { again: true, .. } => {
                "ལས་བྱེད་པས་ཁ་པར་བཏང་ཡང་མ་ཐུབ། ཡང་བསྐྱར་གཏོང་གི་རེད།".to_owned()
            }
            Self::CallbackAttempted { again: false, .. } => {
                "ལས་བྱེད་པས་ཁ་པར་བཏང་ཡང་མ་ཐུབ། རོགས་རམ་དགོས་ན་ང་ཚོར་ཡང་བསྐྱར་འབྲེལ་བ་གནང་རོགས།".to_owned()
            }
            Self::Reopened { position } => format!(
                "ཡང་བསྐྱར་ཕེབས་པར་དགའ་བསུ་ཞུ། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད། ཁྱེད་ཀྱི་གོ་རིམ་ {} ཡིན། ཅུང་ཙམ་སྒུག་རོགས།",
                tibetan_digits(*position)
            ),
            Self::Woken => "ལས་བྱེད་པ་ཕྱིར་ལོག་འབྱོར་ནས་མུ་མཐུད་ཞབས་ཞུ་བྱེད་ཀྱི་ཡིན།".to_owned(),
            Self::SupervisorJoined { name } => format!("{name} ཡང་མཉམ་དུ་ཞབས་ཞུ་བྱེད་པར་འབྱོར་སོང་།"),
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
            Self::AgentLeft { outcome: Outcome::Requeued | Outcome::Transferred | Outcome::Reassigned } => {
                "ལས་བྱེད་པ་གཞན་ཞིག་ལ་མཐུད་བཞིན་ཡོད། ཁྱེད་ཀྱི་གྲལ་སྒུག་དུས་ཚོད་སྔར་བཞིན་ཡིན།".to_owned()
            }
            Self::AgentLeft { outcome: Outcome::Lost } => {
                "ལས་བྱེད་པའི་འབྲེལ་མཐུད་ཆད་སོང་། ཁྱེད་ཀྱི་གྲལ་སྒུག་དུས་ཚོད་སྔར་བཞིན་ཡིན། ཅུང་ཙམ་སྒུག་རོགས།".to_owned()
            }
            Self::Closed { by: ClosedBy::Citizen | ClosedBy::Agent } => {
                "ཐེངས་འདིའི་གླེང་མོལ་མཇུག་བསྡུས་སོང་། ཁྱེད་ལ་ཐུགས་རྗེ་ཆེ།".to_owned()
            }
            Self::Closed { by: ClosedBy::Idle } => "ཡུན་རིང་འཕྲིན་མེད་པས་ཐེངས་འདིའི་གླེང་མོལ་མཇུག་བསྡུས་སོང་།".to_owned(),
            Self::Closed { by: ClosedBy::Abandoned } => {
                "ཁྱེད་རང་གྲལ་སྒུག་ནས་ཐོན་པས་གླེང་མོལ་མཇུག་བསྡུས་སོང་། དགོས་ན་ང་ཚོར་ཡང་བསྐྱར་འབྲེལ་བ་གནང་རོགས།".to_owned()
            }
            Self::Closed { by: ClosedBy::Unreachable } => {
                "ཐེངས་མང་ཁ་པར་བཏང་ཡང་མ་ཐུབ་པས་གླེང་མོལ་མཇུག་བསྡུས་སོང་། དགོས་ན་ང་ཚོར་ཡང་བསྐྱར་འབྲེལ་བ་གནང་རོགས།".to_owned()
            }
        }
    }
}

fn wait_zh(wait: WaitRange) -> String {
    match (wait.from_minutes, wait.to_minutes) {
        (0, Some(to)) => format!("，预计{to}分钟以内接通"),
        (from, Some(to)) => format!("，预计等候{from}到{to}分钟"),
        (from, None) => format!("，预计等候{from}分钟以上"),
    }
}

fn wait_bo(wait: WaitRange) -> String {
    match (wait.from_minutes, wait.to_minutes) {
        (0, Some(to)) => format!(" སྐར་མ་ {} ནང་མཐུད་ཐུབ་ངེས།", tibetan_digits(to)),
        (from, Some(to)) => {
            format!(" སྐར་མ་ {} ནས་ {} བར་སྒུག་དགོས་ངེས།", tibetan_digits(from), tibetan_digits(to))
        }
        (from, None) => format!(" སྐར་མ་ {} ལྷག་སྒུག་དགོས་ངེས།", tibetan_digits(from)),
    }
}

/// Outside office hours: nobody is sent away, but everybody is told, and offered a call back.
fn closed_zh(opens: Option<OpensAt>) -> String {
    const DAYS: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];
    let when = opens.map_or(String::new(), |at| {
        let day = match at.days {
            0 => "今天".to_owned(),
            1 => "明天".to_owned(),
            _ => format!("星期{}", DAYS[usize::from(at.weekday.clamp(1, 7)) - 1]),
        };
        format!("工作人员{day}{}点{}上班。", at.hour, minutes_zh(at.minute))
    });
    format!("现在不是上班时间。{when}您可以留下电话号码，上班后给您回电话；也可以继续排队等候。")
}

fn minutes_zh(minute: u8) -> String {
    match minute {
        0 => String::new(),
        30 => "半".to_owned(),
        minute => format!("{minute:02}分"),
    }
}

fn closed_bo(opens: Option<OpensAt>) -> String {
    const DAYS: [&str; 7] = ["ཟླ་བ", "མིག་དམར", "ལྷག་པ", "ཕུར་བུ", "པ་སངས", "སྤེན་པ", "ཉི་མ"];
    let when = opens.map_or(String::new(), |at| {
        let day = match at.days {
            0 => "དེ་རིང་".to_owned(),
            1 => "སང་ཉིན་".to_owned(),
            _ => format!("གཟའ་{}་", DAYS[usize::from(at.weekday.clamp(1, 7)) - 1]),
        };
        let (hour, minute) = (tibetan_digits(u32::from(at.hour)), tibetan_digits(u32::from(at.minute)));
        format!("ལས་བྱེད་པ་{day}ཆུ་ཚོད་ {hour} དང་སྐར་མ་ {minute} ཐོག་ལས་ཀར་འགྲོ་གི་རེད། ")
    });
    format!("ད་ལྟ་ལས་ཀའི་དུས་ཚོད་མ་རེད། {when}ཁ་པར་ཨང་གྲངས་བཞག་ན་ལས་ཀའི་དུས་ལ་ཁ་པར་སླར་གཏོང་ཆོག མུ་མཐུད་གྲལ་སྒུག་ཀྱང་ཆོག")
}

/// A number in Tibetan digits (U+0F20 to U+0F29).
fn tibetan_digits(number: u32) -> String {
    number
        .to_string()
        .chars()
        .map(|digit| digit.to_digit(10).and_then(|value| char::from_u32(0x0F20 + value)).unwrap_or(digit))
        .collect()
}
