//! What Whisper writes when nobody speaks: thanks of video makers, learnt from subtitles.

/// Pieces that no citizen asks about; where one occurs the whole text was made up. Compared without spaces, punctuation
/// and case. Source: issues and discussions of openai/whisper and whisper.cpp. None is known for Tibetan.
const NEVER_ASKED: [&str; 10] = [
    "请不吝点赞",
    "請不吝點贊",
    "打赏支持明镜",
    "明镜需要您的支持",
    "欢迎收看订阅明镜",
    "优优独播剧场",
    "yoyotelevisionseries",
    "amaraorg社群",
    "amaraorg社區",
    "字幕志愿者",
];

/// Texts that are made up only if they are all there is.
const ONLY_BY_THEMSELVES: [&str; 8] =
    ["谢谢观看", "謝謝觀看", "谢谢大家观看", "谢谢收看", "感谢观看", "音樂播放中", "音乐播放中", "字幕製作"];

/// Whether the text is one of those that Whisper writes over silence, noise or music.
pub(super) fn is_hallucination(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    bare.is_empty()
        || NEVER_ASKED.iter().any(|piece| bare.contains(piece))
        || ONLY_BY_THEMSELVES.iter().any(|whole| bare == *whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_thanks_and_bare_punctuation_are_not_speech() {
        for text in [
            "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
            "优优独播剧场——YoYo Television Series Exclusive",
            "由 Amara.org 社群提供的字幕",
            "字幕志愿者 李宗盛",
            "谢谢观看!",
            "(音樂播放中)",
            "……",
        ] {
            assert!(is_hallucination(text), "{text}");
        }
    }

    #[test]
    fn what_citizens_say_is_kept_in_both_languages() {
        for text in ["谢谢", "社保卡怎么办", "ཐུགས་རྗེ་ཆེ།", "སྤྱི་ཚོགས་ཉེན་སྲུང་ 社保卡 怎么看", "谢谢观看完我的材料"]
        {
            assert!(!is_hallucination(text), "{text}");
        }
    }
}
