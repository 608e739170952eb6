use std::collections::HashMap;

use super::*;
use language::Language::{Bo, Zh};

fn read(text: &str, language: Language, pending: usize) -> Option<Act> {
    Acts::new().read(text, Turn { language, pending })
}

#[test]
fn every_line_of_the_table_reads_and_both_languages_have_every_act() {
    let mut acts: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in include_str!("phrases.tsv").lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (act, rest) = line.split_once('\t').expect("an act");
        let (language, _) = rest.split_once('\t').expect("a language");
        acts.entry(act).or_default().push(language);
    }
    assert!(acts.values().all(|languages| *languages == ["zh", "bo"]), "{acts:?}");
    assert!(table::lines().all(|line| line.is_some()));
    assert_eq!(table::lines().count(), acts.len() * 2);
}

#[test]
fn no_phrase_means_two_different_acts() {
    let acts = Acts::new();
    for meanings in acts.phrases.meanings() {
        let mut told: Vec<&Meaning> =
            meanings.iter().filter(|m| !matches!(m, Meaning::Filler | Meaning::Polite)).collect();
        // "110" alone is an emergency in both languages' rows, "1" a choice in both.
        told.dedup();
        assert!(told.len() <= 1, "a phrase means {meanings:?}");
    }
}

#[test]
fn acts_are_read_in_both_languages_with_politeness_around_them() {
    let turn = [
        ("你好！", Act::Greeting),
        ("您好，在吗？", Act::Greeting),
        ("བཀྲ་ཤིས་བདེ་ལེགས།", Act::Greeting),
        ("好的，谢谢你啊", Act::Thanks),
        ("ཐུགས་རྗེ་ཆེ་གནང་།", Act::Thanks),
        ("谢谢，再见", Act::Goodbye),
        ("ག་ལེར་ཕེབས།", Act::Goodbye),
        ("请你再说一遍好吗", Act::Repeat),
        ("ཡང་བསྐྱར་གསུང་རོགས་གནང་།", Act::Repeat),
        ("麻烦你说慢一点", Act::Slower),
        ("ག་ལེར་གསུང་རོགས་གནང་།", Act::Slower),
        ("你好，帮我转人工", Act::Person),
        ("我要找工作人员", Act::Person),
        ("ང་མི་དང་སྐད་ཆ་བཤད་འདོད་ཡོད།", Act::Person),
        ("ང་ལ་人工དགོས་ཡོད", Act::Person),
        ("请说藏语", Act::OtherLanguage),
        ("换一种语言", Act::OtherLanguage),
    ];
    for (text, act) in turn {
        assert_eq!(read(text, Zh, 0), Some(act), "{text}");
    }
    assert_eq!(read("རྒྱ་སྐད་གསུང་རོགས་གནང་།", Bo, 0), Some(Act::OtherLanguage));
    assert_eq!(read("说普通话", Bo, 0), Some(Act::OtherLanguage));
    assert_eq!(read("说普通话", Zh, 0), Some(Act::Greeting), "there is nothing to change");
}

#[test]
fn answers_to_an_offer_are_read_by_word_ordinal_and_digit() {
    for (text, act) in [
        ("是的", Act::Yes),
        ("对，就是这个", Act::Yes),
        ("རེད།", Act::Yes),
        ("ལགས་རེད།", Act::Yes),
        ("不是", Act::No),
        ("都不是", Act::No),
        ("མ་རེད།", Act::No),
        ("གང་ཡང་མ་རེད།", Act::No),
        ("第二个", Act::Choice(2)),
        ("第2个吧", Act::Choice(2)),
        ("2", Act::Choice(2)),
        ("༢", Act::Choice(2)),
        ("གཉིས་པ་དེ།", Act::Choice(2)),
        ("དང་པོ།", Act::Choice(1)),
        ("三", Act::Choice(3)),
        ("最后一个", Act::Choice(3)),
        ("好的谢谢", Act::Yes),
    ] {
        assert_eq!(read(text, Zh, 3), Some(act), "{text}");
    }
}

#[test]
fn questions_that_begin_politely_or_hold_an_acts_word_are_questions() {
    for text in [
        "你好，身份证丢了怎么办",
        "请问人工费补贴怎么申请",
        "བཀྲ་ཤིས་བདེ་ལེགས། ངའི་身份证བོར་བརླག་ཤོར་སོང་",
        "中文系毕业生补贴",
        "第二代身份证怎么换",
        "藏语等级考试在哪里报名",
        "客服电话是多少号",
        "ལས་བྱེད་པའི་གླ་ཆ་ག་ཚོད་རེད",
        "",
        "？？？",
    ] {
        assert_eq!(read(text, Zh, 3), None, "{text}");
    }
}

#[test]
fn an_emergency_counts_anywhere_but_not_in_questions_about_its_consequences() {
    for text in [
        "着火了！",
        "我家着火了快来人啊",
        "有人晕倒了怎么办",
        "救命啊",
        "打120",
        "110",
        "ང་ཚོའི་ཁང་པར་མེ་ཤོར་སོང་།",
        "ངའི་ཨ་མ་དྲན་པ་བརྒྱལ་སོང་། ག་རེ་བྱེད་དགོས་རེད།",
        "ང་ཚོའི་ཁང་པ་着火了",
    ] {
        assert_eq!(read(text, Bo, 0), Some(Act::Emergency), "{text}");
    }
    for text in [
        "房子着火了保险怎么赔",
        "出车祸了怎么申请补助",
        "110是什么电话",
        "去年房子失火的补偿",
        "ཁང་པར་མེ་ཤོར་སོང་ན་འགན་བཅོལ་གྱིས་སྤྲོད་ཀྱི་རེད་པས",
        "火车票怎么买",
    ] {
        assert_ne!(read(text, Zh, 0), Some(Act::Emergency), "{text}");
    }
}

#[test]
fn the_voice_can_be_turned_up_and_the_conversation_begun_anew_in_both_languages() {
    for (text, act) in [
        ("大声一点", Act::Louder),
        ("声音太小了，请大声一点", Act::Louder),
        ("སྐད་ཆེ་ཙམ་གསུང་རོགས་གནང་།", Act::Louder),
        ("重新开始", Act::StartOver),
        ("我们重新开始吧", Act::StartOver),
        ("འགོ་ནས་བསྐྱར་དུ།", Act::StartOver),
        ("第七个", Act::Choice(7)),
        ("བདུན་པ་དེ།", Act::Choice(7)),
        ("9", Act::Choice(9)),
    ] {
        assert_eq!(read(text, Zh, 9), Some(act), "{text}");
    }
}

#[test]
fn complaints_about_offices_and_the_assistant_are_heard_and_questions_about_other_complaints_are_not() {
    for text in [
        "我要投诉",
        "我要投诉民政局的工作人员，态度太差了",
        "你们推来推去，没人理",
        "你怎么这么笨，答非所问",
        "ཁྱེད་ཚོའི་ཞབས་ཞུ་ཡག་པོ་མི་འདུག",
        "ང་ལས་ཁུངས་ལ་སྐྱོན་བརྗོད་ཞུ་འདོད་ཡོད།",
        "ང་投诉བྱེད་འདོད་ཡོད།",
    ] {
        assert_eq!(read(text, Zh, 0), Some(Act::Complaint), "{text}");
    }
    for text in
        ["老板拖欠工资去哪里投诉", "网购买到假货怎么投诉", "ཟ་ཁང་ལ་སྐྱོན་བརྗོད་གང་དུ་ཞུ་དགོས།", "12345是什么电话"]
    {
        assert_ne!(read(text, Zh, 0), Some(Act::Complaint), "{text}");
    }
}

#[test]
fn small_talk_is_no_question_for_an_office_and_questions_that_touch_it_are() {
    for text in [
        "今天拉萨天气怎么样",
        "明天会下雨吗",
        "给我讲个笑话吧",
        "你是谁做的",
        "你今年几岁了",
        "我爱你",
        "昨天足球谁赢了",
        "你能做什么",
        "དེ་རིང་ལྷ་སའི་གནམ་གཤིས་ག་འདྲ་འདུག",
        "སང་ཉིན་ཆར་པ་འབབ་ཀྱི་རེད་པས།",
        "ང་ལ་སྒྲུང་ཞིག་བཤད་རོགས་གནང་།",
        "ཁྱེད་རང་སུས་བཟོས་པ་རེད།",
        "ང་ཁྱེད་རང་ལ་དགའ་པོ་ཡོད།",
        "ཁྱེད་རང་གིས་ག་རེ་བྱེད་ཐུབ་ཀྱི་རེད།",
        "དེ་རིང་天气ག་འདྲ་འདུག",
    ] {
        assert_eq!(read(text, Bo, 0), Some(Act::SmallTalk), "{text}");
    }
    for text in [
        "天气太冷，取暖补贴怎么申请",
        "下雪封路去哪里查",
        "足球学校怎么报名",
        "体育比赛要办什么证",
        "གངས་བབས་ནས་ལམ་བཀག་འདུག་རོགས་དངུལ་ཡོད་དམ།",
        "གནམ་གཤིས་སྐྱོན་གྱིས་ལོ་ཏོག་ལ་གནོད་སྐྱོན་བྱུང་ན་འགན་བཅོལ་ཡོད་དམ།",
    ] {
        assert_ne!(read(text, Bo, 0), Some(Act::SmallTalk), "{text}");
    }
}

#[test]
fn politeness_is_cut_off_both_ends_and_never_leaves_nothing() {
    let acts = Acts::new();
    assert_eq!(acts.core("你好，我想问一下，身份证怎么换？谢谢！"), "身份证怎么换");
    assert_eq!(acts.core("བཀྲ་ཤིས་བདེ་ལེགས། 身份证བརྗེ་ས་ག་པར་རེད། ཐུགས་རྗེ་ཆེ།"), "身份证བརྗེ་ས་ག་པར་རེད");
    assert_eq!(acts.core("你好谢谢"), "你好谢谢");
    assert_eq!(acts.core(""), "");
}

#[test]
fn heard_phrases_must_fit_the_length_of_the_utterance_and_the_turn() {
    let acts = Acts::new();
    let scores = |wanted: &str| -> Vec<f32> {
        acts.batch().forms().iter().map(|form| if form.text == wanted { -0.1 } else { -4.0 }).collect()
    };
    let offered = Turn { language: Zh, pending: 2 };
    let nothing = Turn { language: Zh, pending: 0 };
    let heard = |wanted: &str, seconds: f32, turn: Turn| {
        acts.heard(&scores(wanted), seconds, turn).map(|h| (h.act, h.score))
    };
    assert_eq!(heard("转人工", 1.2, nothing), Some((Act::Person, -0.1)));
    assert_eq!(heard("མི་དང་སྐད་ཆ་བཤད་འདོད", 1.6, nothing), Some((Act::Person, -0.1)));
    assert_eq!(heard("是", 0.6, offered), Some((Act::Yes, -0.1)));
    assert_ne!(heard("是", 0.6, nothing).map(|h| h.0), Some(Act::Yes), "nobody asked");
    assert_ne!(
        heard("转人工", 9.0, nothing),
        Some((Act::Person, -0.1)),
        "nobody takes nine seconds to say it"
    );
}

#[test]
fn an_office_named_in_the_same_breath_takes_nothing_from_a_cry_for_help() {
    let acts = Acts::new();
    let emergencies = [
        "我爸晕倒了，医保卡没带",
        "着火了，身份证在里面",
        "ཨ་མ་བརྒྱལ་སོང་། སྨན་བཅོས་འགན་བཅོལ་བྱང་བུ་མི་འདུག",
        "མེ་ཤོར་སོང་། ངའི་ཐོབ་ཐང་ལག་འཁྱེར་ནང་ལ་ལུས་སོང་",
    ];
    for text in emergencies {
        assert!(matches!(acts.grave(text), Some(Grave::Emergency(_))), "{text}: {:?}", acts.grave(text));
    }
    for text in [
        "我想死，低保批不下来",
        "我想死，医保卡怎么办",
        "我想自杀，身份证丢了怎么办",
        "不想活了，想问下低保怎么申请",
        "ང་རང་ཤི་འདོད་འདུག་ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང",
    ] {
        assert_eq!(acts.grave(text), Some(Grave::Distress), "{text}");
    }
    for text in ["想死你了", "去年家里着火了，保险怎么赔", "消防验收要什么材料，商场开业前办"]
    {
        assert_eq!(acts.grave(text), None, "{text}");
    }
}

#[test]
fn a_question_back_is_answered_by_yes_no_or_one_of_its_choices_in_its_language() {
    for (language, yes, second, third) in
        [(Language::Zh, "是的", "第二个", "第三个"), (Language::Bo, "རེད", "གཉིས་པ", "གསུམ་པ")]
    {
        let replies = |choices| crate::replies(language, choices).collect::<Vec<_>>();
        let has = |choices, word| replies(choices).contains(&word);
        assert!(has(1, yes) && !has(1, second));
        assert!(has(2, yes) && has(2, second) && !has(2, third) && has(3, third));
        assert!(replies(3).iter().all(|phrase| {
            let other = |c: char| {
                matches!(
                    (Script::of(c), language),
                    (Script::Tibetan, Language::Zh) | (Script::Han, Language::Bo)
                )
            };
            !phrase.contains(other)
        }));
    }
}
