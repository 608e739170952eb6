//! The best class of every frame.

use super::{Decoded, DecodedToken, LogPosteriors, floored, mean_confidence};

/// The greedy path: each frame's best class (the blank where several are), repetitions merged, blanks dropped.
pub(super) fn greedy(posteriors: LogPosteriors<'_>) -> Decoded {
    let blank = posteriors.blank();
    let mut tokens: Vec<DecodedToken> = Vec::new();
    let mut previous = blank;
    let mut log_probability = 0.0;
    // The sum of the last token's log-posteriors, until its run of frames ends.
    let mut sum = 0.0;
    for frame in 0..posteriors.frames() {
        let row = posteriors.row(frame);
        let best = (0..row.len())
            .fold(blank, |best, class| if floored(row[class]) > floored(row[best]) { class } else { best });
        let value = floored(row[best]);
        log_probability += value;
        if best != blank {
            if best == previous {
                sum += value;
            } else {
                sum = value;
                tokens.push(DecodedToken { class: best as u32, start: frame, end: frame, confidence: 0.0 });
            }
            if let Some(last) = tokens.last_mut() {
                last.end = frame + 1;
                last.confidence = (sum / (last.end - last.start) as f32).exp();
            }
        }
        previous = best;
    }
    let confidence = mean_confidence(&tokens);
    Decoded { tokens, log_probability, bonus: 0.0, confidence }
}
