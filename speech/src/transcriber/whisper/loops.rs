//! Decoders of Whisper's kind sometimes fall into a loop and write the same words until their room is full.

/// The longest stretch that is looked for, in characters.
const LONGEST: usize = 60;

/// A loop is at least so many rounds...
const ROUNDS: usize = 4;

/// ...and at least so many characters altogether: nobody says more equal digits in a row than a telephone number has.
const FEWEST: usize = 16;

/// The text with every loop cut down to one round. What people do repeat ("好好好", "8888") is left alone.
pub(super) fn cut(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        if let Some((period, rounds)) = loop_at(&characters[at..]) {
            kept.extend(&characters[at..at + period]);
            at += period * rounds;
            // The last round is often cut short by the decoder's limit.
            let begun = characters[at..].iter().zip(&characters[at - period..]).take_while(|(a, b)| a == b);
            at += begun.count();
        } else {
            kept.push(characters[at]);
            at += 1;
        }
    }
    kept.trim().to_owned()
}

/// Period and whole rounds of a loop that begins with the first character; the shortest period counts.
fn loop_at(characters: &[char]) -> Option<(usize, usize)> {
    (1..=LONGEST.min(characters.len() / ROUNDS)).find_map(|period| {
        let same = characters[period..].iter().zip(characters).take_while(|(a, b)| a == b).count();
        let rounds = 1 + same / period;
        (rounds >= ROUNDS && rounds * period >= FEWEST).then_some((period, rounds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_becomes_one_round_wherever_it_begins() {
        assert_eq!(cut(&"谢谢大家".repeat(30)), "谢谢大家");
        assert_eq!(cut(&format!("我要办社保卡。{}我要", "我要办社保卡。".repeat(9))), "我要办社保卡。");
        assert_eq!(cut(&format!("办证{}", "，好的".repeat(12))), "办证，好的");
        assert_eq!(cut(&"བཀྲ་ཤིས་བདེ་ལེགས། ".repeat(8)), "བཀྲ་ཤིས་བདེ་ལེགས།");
        assert_eq!(cut(&"啊".repeat(200)), "啊");
        assert_eq!(cut(&format!("{}然后呢", "对对".repeat(20))), "对然后呢");
    }

    #[test]
    fn what_people_repeat_is_left_alone() {
        for text in ["好好好好", "13888888888", "谢谢谢谢，谢谢", "ཡིན་ཡིན་ཡིན་", "", "社保"]
        {
            assert_eq!(cut(text), text);
        }
    }
}
