use super::*;

fn zh(text: &str) -> String {
    spoken_text(text, Language::Zh)
}

fn bo(text: &str) -> String {
    spoken_text(text, Language::Bo)
}

#[track_caller]
fn are_said(language: Language, cases: &[(&str, &str)]) {
    for (text, said) in cases {
        assert_eq!(spoken_text(text, language), *said, "{text}");
    }
}

#[test]
fn dates_times_and_their_ranges() {
    are_said(
        Language::Zh,
        &[
            ("2023-05-01起", "二零二三年五月一日起"),
            ("2023/5/1", "二零二三年五月一日"),
            ("2023年5月1日", "二零二三年五月一日"),
            ("23年5月", "二三年五月"),
            ("共20年", "共二十年"),
            ("2023-2025年", "二零二三到二零二五年"),
            ("80年代", "八十年代"),
            ("上午9:30到18:00", "上午九点三十分到十八点"),
            ("9:00-17:30", "九点到十七点三十分"),
            ("2:05", "两点零五分"),
            ("９：３０", "九点三十分"),
            ("08:15:30", "八点十五分三十秒"),
            ("5月1日-7日", "五月一日到七日"),
            ("周一-周五", "周一到周五"),
            ("截至2023", "截至二零二三"),
            ("藏政发〔2023〕15号", "藏政发〔二零二三〕十五号"),
        ],
    );
    are_said(
        Language::Bo,
        &[
            ("2023-05-01", "སྤྱི་ལོ་ཉིས་སྟོང་དང་ཉི་ཤུ་རྩ་གསུམ་ལོའི་ཟླ་ལྔ་པའི་ཚེས་གཅིག"),
            ("ཟླ་1པའི་ཚེས་5", "ཟླ་དང་པོའི་ཚེས་ལྔ"),
            ("9:30", "ཆུ་ཚོད་དགུ་དང་སྐར་མ་སུམ་ཅུ"),
            ("9:00-17:30", "ཆུ་ཚོད་དགུ་ནས་ཆུ་ཚོད་བཅུ་བདུན་དང་སྐར་མ་སུམ་ཅུ་བར"),
        ],
    );
}

#[test]
fn telephones_and_hotlines_are_said_as_people_say_them() {
    are_said(
        Language::Zh,
        &[
            ("电话0891-6812345", "电话零八九幺，六八幺，二三四五"),
            ("(0891)6812345", "零八九幺，六八幺，二三四五"),
            ("（010）12345678转801", "零幺零，幺二三四，五六七八，转八零幺"),
            ("138 1234 5678", "幺三八，幺二三四，五六七八"),
            ("１３８１２３４５６７８", "幺三八，幺二三四，五六七八"),
            ("+86-13812345678", "八六，幺三八，幺二三四，五六七八"),
            ("138****5678", "幺三八，五六七八"),
            ("400-123-4567", "四零零，幺二三，四五六七"),
            ("请拨打12345", "请拨打一二三四五"),
            ("报警110，火警119，急救120", "报警幺幺零，火警幺幺九，急救幺二零"),
            ("12315、12306、95598、10086", "幺二三幺五、幺二三零六、九五五九八、幺零零八六"),
            ("拨打110,119,120", "拨打幺幺零,幺幺九,幺二零"),
            ("12345元", "一万两千三百四十五元".replace("两千", "二千").as_str()),
            ("120人", "一百二十人"),
            ("电话6812345", "电话六八幺，二三四五"),
        ],
    );
    are_said(
        Language::Bo,
        &[
            ("ཁ་པར་12345", "ཁ་པར་གཅིག་གཉིས་གསུམ་བཞི་ལྔ"),
            ("ཁ་པར་༡༡༩", "ཁ་པར་གཅིག་གཅིག་དགུ"),
            ("སྒོར་༡༢༠", "སྒོར་བརྒྱ་དང་ཉི་ཤུ"),
            ("138-1234-5678", "གཅིག་གསུམ་བརྒྱད，གཅིག་གཉིས་གསུམ་བཞི，ལྔ་དྲུག་བདུན་བརྒྱད"),
        ],
    );
}

#[test]
fn document_and_card_numbers_are_said_digit_by_digit_in_groups() {
    are_said(
        Language::Zh,
        &[
            ("54010219900101123X", "五四零幺零二，幺九九零，零幺零幺，幺二三X"),
            ("6222 0212 3456 7890 123", "六二二二，零二幺二，三四五六，七八九零，幺二三"),
            ("6222021234567890", "六二二二，零二幺二，三四五六，七八九零"),
            ("91540000MA6T1Q2X3B", "九幺，五四零零零零，MA六T，幺Q二X，三B"),
            ("编号001", "编号零零一"),
            ("301室", "三零幺室"),
            ("1-2-301", "一杠二杠三零幺"),
            ("318国道，G318", "三幺八国道，G三幺八"),
        ],
    );
}

#[test]
fn amounts_money_and_units() {
    are_said(
        Language::Zh,
        &[
            ("¥1,200.50", "一千二百点五元"),
            ("￥5万", "五万元"),
            ("$30", "三十美元"),
            ("1.5万元", "一点五万元"),
            ("12.00元", "十二元"),
            ("2个人2月第2个2楼2万2000元", "两个人二月第二个二楼两万两千元"),
            ("200元2千克", "二百元两千克"),
            ("100-200元", "一百到二百元"),
            ("100元/月", "一百元每月"),
            ("2.5%到10%，100%", "百分之二点五到百分之十，百分之百"),
            ("10%-20%", "百分之十到百分之二十"),
            ("3‰", "千分之三"),
            ("占1/3", "占三分之一"),
            ("比例3:1", "比例三比一"),
            ("版本1.2.3", "版本一点二点三"),
            ("气温-5℃", "气温零下五摄氏度"),
            ("-5~10°C", "零下五到零上十摄氏度"),
            ("同比-3.2%", "同比负百分之三点二"),
            ("5km、3 kg、25㎡、60km/h", "五公里、三公斤、二十五平方米、六十公里每小时"),
            ("3-5个工作日", "三到五个工作日"),
            ("3－5天", "三到五天"),
            ("8848.86米", "八千八百四十八点八六米"),
        ],
    );
    are_said(
        Language::Bo,
        &[
            ("¥300", "སྒོར་སུམ་བརྒྱ"),
            ("༢༥%", "བརྒྱ་ཆ་ཉི་ཤུ་རྩ་ལྔ"),
            ("3-5", "གསུམ་ནས་ལྔ་བར"),
            ("༢.༥", "གཉིས་ཚེག་ལྔ"),
            ("-5℃", "དྲོད་ཚད་ཀླད་ཀོར་མན་གྱི་ལྔ"),
            ("1/3", "གསུམ་ཆ་གཅིག"),
            ("5km", "སྤྱི་ལེ་ལྔ"),
            ("༥འི", "ལྔའི"),
        ],
    );
}

#[test]
fn signs_and_numerals_of_every_kind() {
    are_said(
        Language::Zh,
        &[
            ("①身份证②户口本", "，一，身份证，二，户口本"),
            ("Ⅱ级III级", "二级三级"),
            ("3#楼", "三号楼"),
            ("3+5=8", "三加五等于八"),
            ("≥60岁", "大于等于六十岁"),
            ("A&B", "A和B"),
            ("§5", "第五节"),
            ("№3", "编号三"),
            ("按*键或#键", "按星号键或井号键"),
            ("½", "二分之一"),
            ("国道109", "国道幺零九"),
            ("4050人员", "四零五零人员"),
            ("2至3个", "两至三个"),
            ("WiFi", "无线网"),
            ("1️⃣", "一"),
        ],
    );
    assert_eq!(bo("ཀ&ཁ"), "ཀདང་ཁ".replace("ཀདང", "ཀ་དང"));
}

#[test]
fn what_has_no_words_is_left_out_and_counted() {
    let kinds = |text: &str| -> Vec<FallBackKind> {
        Rendition::of(text, Language::Zh).fall_backs.into_iter().map(|f| f.kind).collect()
    };
    for (text, kind) in [
        ("办理😀", FallBackKind::SignSkipped),
        ("办理*", FallBackKind::SignSkipped),
        ("<b>办理", FallBackKind::MarkupSkipped),
        ("https://example.cn/a/b?c=1办理", FallBackKind::AddressSkipped),
        ("info@example.cn", FallBackKind::AddressSkipped),
        ("www.gov.cn", FallBackKind::AddressSpelled),
        ("application", FallBackKind::LatinSkipped),
        ("APP", FallBackKind::LatinSpelled),
        ("あ", FallBackKind::UnknownCharacter),
        ("𠮷", FallBackKind::UnknownCharacter),
        ("པདྨེ", FallBackKind::TibetanByLetters),
        ("请还", FallBackKind::PolyphoneByDefault),
        ("共345", FallBackKind::NumberByDefault),
    ] {
        assert_eq!(kinds(text), [kind], "{text}");
    }
    assert_eq!(kinds("请带身份证到社保局办理，电话12345。"), []);
    assert_eq!(zh("www.gov.cn"), "WWW点GOV点CN");
}

#[test]
fn each_language_keeps_its_own_words_in_the_others_text() {
    assert_eq!(bo("ལོ་60ལོན་ན་养老金300元སྤྲོད།"), "ལོ་དྲུག་ཅུ་ལོན་ན་养老金三百元སྤྲོད།");
    let voices: Vec<Language> =
        speech_plan("ངའི་身份证བརླགས་སོང་།", Language::Bo).into_iter().map(|s| s.voice).collect();
    assert_eq!(voices, [Language::Bo, Language::Zh, Language::Bo]);
    assert_eq!(zh("请看ཐོག་༢པ།"), "请看ཐོག་གཉིས་པ།");
}

#[test]
fn measure_words_and_sandhi_reach_across_figures() {
    let said = |text: &str| speech_plan(text, Language::Zh).remove(0).input;
    assert_eq!(said("3只羊"), "san1 zhi1 yang2");
    assert_eq!(said("3只有"), "san1 zhi3 you3".replace("zhi3", "zhi2").as_str());
    assert_eq!(said("5行字"), "wu3 hang2 zi4");
    assert_eq!(said("1.5万"), "yi1 dian2 wu3 wan4");
    assert_eq!(said("1个"), "yi2 ge4");
    assert_eq!(said("1楼"), "yi1 lou2");
    assert_eq!(said("1天"), "yi4 tian1");
    assert_eq!(said("95598"), "jiu2 wu3 wu2 jiu3 ba1");
}

#[test]
fn a_currency_before_a_tibetan_number_is_a_word_of_its_own() {
    let rendition = Rendition::of("¥2000", Language::Bo);
    let words: Vec<&str> = rendition.breaths[0].words.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(words, ["སྒོར", "ཉིས་སྟོང"]);
}

#[test]
fn every_stage_is_explained() {
    let text = "1楼请展览馆😀";
    let explained = Rendition::of(text, Language::Zh).explain(text).to_string();
    for part in [
        "1 → 一 (number)",
        "一楼请展览馆",
        "展览馆 zhǎn lǎn guǎn → zhán lán guǎn",
        "voice zh  yi1 lou2",
        "fall-back sign_skipped: 😀",
    ] {
        assert!(explained.contains(part), "{part} in {explained}");
    }
}

#[test]
fn reading_takes_time_in_proportion_to_the_text() {
    for unit in ["办理2个", "1", "a.b", "<a", "www.", "-1", "བོད་༥", "0891-", "（0", "1 ", "12:", "😀", "一"]
    {
        let text = unit.repeat(100_000 / unit.chars().count());
        let begun = std::time::Instant::now();
        let plan = speech_plan(&text, Language::Zh);
        let seconds = begun.elapsed().as_secs_f64();
        assert!(seconds < 20.0, "{unit}: {seconds} s for {} segments", plan.len());
    }
}
