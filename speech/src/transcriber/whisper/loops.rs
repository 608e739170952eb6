//! Decoders of Whisper's kind sometimes fall into a loop and write the same words until their room is full.

/// The longest stretch that is looked for, in characters.
const LONGEST: usize = 60;

/// A loop is at least so many rounds...
const ROUNDS: usize = 4;

/// ...and at least so many characters altogether: nobody says more equal digits in a row than a telephone number has.
const FEWEST: usize = 16;

/// The text, character by character, with every loop cut down to one round and without space around it. What people do repeat
/// ("好好好", "8888") is left alone.
pub(super) fn cut<T: Copy>(characters: &[(char, T)]) -> Vec<(char, T)> {
    let mut kept: Vec<(char, T)> = Vec::with_capacity(characters.len());
    let mut at = 0;
    while at < characters.len() {
        if let Some((period, rounds)) = loop_at(&characters[at..]) {
            kept.extend(&characters[at..at + period]);
            at += period * rounds;
            // The last round is often cut short by the decoder's limit.
            at += begun(&characters[at..], &characters[at - period..]);
        } else {
            kept.push(characters[at]);
            at += 1;
        }
    }
    let solid = |(character, _): &(char, T)| !character.is_whitespace();
    kept.truncate(kept.iter().rposition(solid).map_or(0, |last| last + 1));
    kept.drain(..kept.iter().position(solid).unwrap_or(0));
    kept
}

/// How many characters two texts have in common at their beginnings.
fn begun<T>(one: &[(char, T)], other: &[(char, T)]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a.0 == b.0).count()
}

/// Period and whole rounds of a loop that begins with the first character; the shortest period counts.
fn loop_at<T>(characters: &[(char, T)]) -> Option<(usize, usize)> {
    (1..=LONGEST.min(characters.len() / ROUNDS)).find_map(|period| {
        let rounds = 1 + begun(&characters[period..], characters) / period;
        (rounds >= ROUNDS && rounds * period >= FEWEST).then_some((period, rounds))
    })
}

#[cfg(test)]
mod tests {
    fn cut(text: &str) -> String {
        let characters: Vec<(char, ())> = text.chars().map(|character| (character, ())).collect();
        super::cut(&characters).into_iter().map(|(character, ())| character).collect()
    }

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
