//! Signs and units: how they are said beside numbers and by themselves.
//!
//! The Tibetan terms are those of official usage in the region; they await a native reviewer.

use crate::Language;

/// How a sign after a number is said.
pub(super) struct UnitSign {
    pub written: &'static str,
    /// In Chinese before and after the number.
    pub chinese: [&'static str; 2],
    /// In Tibetan before and after the number; where there is no term, `None`: the sign is read by itself.
    pub tibetan: Option<[&'static str; 2]>,
}

const fn unit(written: &'static str, zh: &'static str, bo: Option<&'static str>) -> UnitSign {
    let tibetan = match bo {
        Some(bo) => Some([bo, ""]),
        None => None,
    };
    UnitSign { written, chinese: ["", zh], tibetan }
}

/// Longer ones before those that they begin with.
///
/// Source of the Chinese names: GB 3100-1993 and the State Council's decree on legal units (1984).
const UNITS: [UnitSign; 45] = [
    UnitSign { written: "%", chinese: ["百分之", ""], tibetan: Some(["བརྒྱ་ཆ་", ""]) },
    UnitSign { written: "‰", chinese: ["千分之", ""], tibetan: Some(["སྟོང་ཆ་", ""]) },
    unit("℃", "摄氏度", Some("དྲོད་ཚད་")),
    unit("°C", "摄氏度", Some("དྲོད་ཚད་")),
    unit("℉", "华氏度", None),
    unit("°F", "华氏度", None),
    unit("°", "度", Some("ཏུའུ་")),
    unit("㎡", "平方米", Some("སྤྱི་ཁྲེ་གྲུ་བཞི་མ་")),
    unit("㎞", "公里", Some("སྤྱི་ལེ་")),
    unit("㎏", "公斤", Some("སྤྱི་རྒྱ་")),
    unit("㎝", "厘米", Some("ལི་སྨི་")),
    unit("㎜", "毫米", Some("ཧའོ་སྨི་")),
    unit("㎎", "毫克", None),
    unit("㎥", "立方米", Some("སྤྱི་ཁྲེ་རྒྱ་དཔངས་མ་")),
    unit("km/h", "公里每小时", None),
    unit("km²", "平方公里", Some("སྤྱི་ལེ་གྲུ་བཞི་མ་")),
    unit("km2", "平方公里", Some("སྤྱི་ལེ་གྲུ་བཞི་མ་")),
    unit("km", "公里", Some("སྤྱི་ལེ་")),
    unit("kWh", "千瓦时", None),
    unit("kW·h", "千瓦时", None),
    unit("kW", "千瓦", None),
    unit("kg", "公斤", Some("སྤྱི་རྒྱ་")),
    unit("KG", "公斤", Some("སྤྱི་རྒྱ་")),
    unit("KM", "公里", Some("སྤྱི་ལེ་")),
    unit("hm²", "公顷", None),
    unit("ha", "公顷", None),
    unit("cm", "厘米", Some("ལི་སྨི་")),
    unit("mmHg", "毫米汞柱", None),
    unit("mm", "毫米", Some("ཧའོ་སྨི་")),
    unit("mg", "毫克", None),
    unit("mL", "毫升", None),
    unit("ml", "毫升", None),
    unit("min", "分钟", Some("སྐར་མ་")),
    unit("m/s", "米每秒", None),
    unit("m²", "平方米", Some("སྤྱི་ཁྲེ་གྲུ་བཞི་མ་")),
    unit("m³", "立方米", Some("སྤྱི་ཁྲེ་རྒྱ་དཔངས་མ་")),
    unit("m", "米", Some("སྤྱི་ཁྲེ་")),
    unit("g", "克", Some("ཁེ་")),
    unit("t", "吨", Some("ཏུན་")),
    unit("L", "升", None),
    unit("h", "小时", Some("ཆུ་ཚོད་")),
    unit("s", "秒", Some("སྐར་ཆ་")),
    unit("Hz", "赫兹", None),
    unit("dB", "分贝", None),
    unit("MB", "兆", None),
];

/// The unit that `rest` begins with right after a number, and its length with the space before it. A unit in Latin letters
/// ends where they end.
pub(super) fn unit_sign(rest: &str) -> Option<(&'static UnitSign, usize)> {
    let spaced = rest.strip_prefix(' ').unwrap_or(rest);
    let sign = UNITS.iter().find(|sign| {
        let letters = sign.written.starts_with(|c: char| c.is_ascii_alphabetic());
        spaced.strip_prefix(sign.written).is_some_and(|after| {
            !(letters && after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '-'))
        })
    })?;
    Some((sign, rest.len() - spaced.len() + sign.written.len()))
}

/// Currency signs before a number, the longer first: as said in Chinese after it, in Tibetan before it.
pub(super) const CURRENCIES: [(&str, &str, &str); 8] = [
    ("HK$", "港元", "ཤང་སྒོར་"),
    ("US$", "美元", "ཨ་སྒོར་"),
    ("RMB", "元", "སྒོར་"),
    ("CNY", "元", "སྒོར་"),
    ("¥", "元", "སྒོར་"),
    ("$", "美元", "ཨ་སྒོར་"),
    ("€", "欧元", "ཡོ་སྒོར་"),
    ("£", "英镑", "དབྱིན་སྒོར་"),
];

/// How a sign between or before numbers is said.
pub(super) fn operator(c: char, language: Language) -> Option<&'static str> {
    let [zh, bo] = match c {
        '+' => ["加", "སྣོན"],
        '×' | '*' => ["乘", "སྒྱུར"],
        '÷' => ["除以", "བགོས"],
        '=' => ["等于", "མཉམ"],
        '>' | '＞' => ["大于", "ལས་ཆེ་བ"],
        '<' | '＜' => ["小于", "ལས་ཆུང་བ"],
        '≥' | '⩾' => ["大于等于", "ལས་མི་ཉུང་བ"],
        '≤' | '⩽' => ["小于等于", "ལས་མི་མང་བ"],
        '≠' => ["不等于", "མི་མཉམ"],
        '±' => ["正负", "ཕོ་མོ"],
        '≈' => ["约等于", "ཕལ་ཆེར་མཉམ"],
        _ => return None,
    };
    Some(if language == Language::Zh { zh } else { bo })
}

/// How a sign is said wherever it stands.
pub(super) fn name(c: char, language: Language) -> Option<&'static str> {
    let [zh, bo] = match c {
        '&' => ["和", "དང་"],
        '§' => ["节", "ས་བཅད་"],
        '№' => ["编号", "ཨང་"],
        '℃' => ["摄氏度", "དྲོད་ཚད་"],
        '½' => ["二分之一", "གཉིས་ཆ་གཅིག"],
        '⅓' => ["三分之一", "གསུམ་ཆ་གཅིག"],
        '⅔' => ["三分之二", "གསུམ་ཆ་གཉིས"],
        '¼' => ["四分之一", "བཞི་ཆ་གཅིག"],
        '¾' => ["四分之三", "བཞི་ཆ་གསུམ"],
        _ => return None,
    };
    Some(if language == Language::Zh { zh } else { bo })
}

/// The number that one character stands for: ① ⑴ ⒈ ❶ ㊀ Ⅱ ⅱ.
pub(super) fn numeral(c: char) -> Option<u64> {
    let from = |first: char, value: u64| Some(u64::from(c as u32 - first as u32) + value);
    match c {
        '①'..='⑳' => from('①', 1),
        '⑴'..='⒇' => from('⑴', 1),
        '⒈'..='⒛' => from('⒈', 1),
        '㉑'..='㉟' => from('㉑', 21),
        '㊱'..='㊿' => from('㊱', 36),
        '❶'..='❿' => from('❶', 1),
        '➀'..='➉' => from('➀', 1),
        '➊'..='➓' => from('➊', 1),
        '㈠'..='㈩' => from('㈠', 1),
        '㊀'..='㊉' => from('㊀', 1),
        'Ⅰ'..='Ⅻ' => from('Ⅰ', 1),
        'ⅰ'..='ⅻ' => from('ⅰ', 1),
        _ => None,
    }
}

/// The value of Roman numerals in Latin letters, from II to XX; a single letter is a letter.
pub(super) fn roman(word: &str) -> Option<u64> {
    const ROMAN: [&str; 19] = [
        "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI",
        "XVII", "XVIII", "XIX", "XX",
    ];
    (word.len() > 1).then(|| ROMAN.iter().position(|r| *r == word).map(|i| i as u64 + 2)).flatten()
}

/// Abbreviations in Latin letters that are said as words: in Chinese and in Tibetan.
pub(super) fn abbreviation(word: &str, language: Language) -> Option<&'static str> {
    let [zh, bo] = match word.to_ascii_lowercase().as_str() {
        "tel" | "phone" => ["电话", "ཁ་པར"],
        "fax" => ["传真", "པར་སྐྱེལ"],
        "email" | "mail" => ["电子邮箱", "གློག་རྡུལ་ཡིག་སྒམ"],
        "wechat" => ["微信", "འཕྲིན་ཕྲན"],
        "alipay" => ["支付宝", "支付宝"],
        "wifi" => ["无线网", "སྐུད་མེད་དྲ་བ"],
        "no" => ["编号", "ཨང"],
        "vs" => ["对", "དང"],
        _ => return None,
    };
    Some(if language == Language::Zh { zh } else { bo })
}

/// Marks at which a voice pauses.
pub(super) fn is_pause(c: char) -> bool {
    matches!(
        c,
        '\n' | ',' | '.' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '，' | '。' | '、'
            | '；' | '：' | '！' | '？' | '（' | '）' | '【' | '】' | '〔' | '〕' | '［' | '］' | '｛' | '｝' | '…'
            | '⋯' | '•' | '●' | '○' | '■' | '□' | '◆' | '◇' | '★' | '☆' | '▲' | '△' | '※' | '→' | '⇒' | '｜'
            | '\u{0f04}'..='\u{0f0a}' | '\u{0f0d}'..='\u{0f17}' | '\u{0f3a}'..='\u{0f3d}'
    )
}

/// Marks that a voice passes over: quotation marks, book titles, the dot in names, ornaments.
pub(super) fn is_silent(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '《' | '》'
                | '〈'
                | '〉'
                | '“'
                | '”'
                | '‘'
                | '’'
                | '"'
                | '\''
                | '「'
                | '」'
                | '『'
                | '』'
                | '«'
                | '»'
                | '·'
                | '・'
                | '‧'
                | '`'
                | '´'
                | '_'
                | '\u{0f01}'..='\u{0f03}' | '\u{0f0b}'
        )
}
