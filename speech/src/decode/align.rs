//! A known sequence of classes laid onto the frames: its probability over all paths, and its best path.
//!
//! Source: A. Graves et al., *Connectionist Temporal Classification* (2006), section 4.1, with the maximum in place of the
//! sum for the best path.

use super::{DecodedToken, LogPosteriors, log_add};

/// The states of CTC's trellis for a sequence: a blank before, between and after its classes.
fn states(classes: &[u32], blank: usize) -> Vec<usize> {
    let mut states = Vec::with_capacity(2 * classes.len() + 1);
    states.push(blank);
    for &class in classes {
        states.extend([class as usize, blank]);
    }
    states
}

/// Whether a path may go from two states before to this one: a blank may be left out between different classes.
fn may_skip(states: &[usize], at: usize) -> bool {
    at >= 2 && at % 2 == 1 && states[at] != states[at - 2]
}

/// ln P(classes | sound); minus infinity where there are fewer frames than the sequence needs.
pub(super) fn log_probability(posteriors: LogPosteriors<'_>, classes: &[u32]) -> f32 {
    let states = states(classes, posteriors.blank());
    let mut alpha = vec![f32::NEG_INFINITY; states.len()];
    for frame in 0..posteriors.frames() {
        // From the last state down, so that every state still finds its predecessors' old values.
        for at in (0..states.len()).rev() {
            let before = if frame == 0 {
                if at <= 1 { 0.0 } else { f32::NEG_INFINITY }
            } else {
                let mut sum = alpha[at];
                if at >= 1 {
                    sum = log_add(sum, alpha[at - 1]);
                }
                if may_skip(&states, at) {
                    sum = log_add(sum, alpha[at - 2]);
                }
                sum
            };
            alpha[at] = before + posteriors.at(frame, states[at]);
        }
    }
    match alpha.as_slice() {
        _ if posteriors.frames() == 0 => {
            if classes.is_empty() {
                0.0
            } else {
                f32::NEG_INFINITY
            }
        }
        [.., class, blank] => log_add(*class, *blank),
        [blank] => *blank,
        [] => f32::NEG_INFINITY,
    }
}

/// The frames of every class on the best path; `None` where there are fewer frames than the sequence needs.
pub(super) fn align(posteriors: LogPosteriors<'_>, classes: &[u32]) -> Option<Vec<DecodedToken>> {
    let (states, frames) = (states(classes, posteriors.blank()), posteriors.frames());
    let count = states.len();
    if classes.is_empty() {
        return Some(Vec::new());
    }
    let mut best = vec![f32::NEG_INFINITY; count];
    // How many states the best path to (frame, state) came from: 0, 1 or 2.
    let mut came = vec![0_u8; frames * count];
    for frame in 0..frames {
        for at in (0..count).rev() {
            let (before, step) = if frame == 0 {
                (if at <= 1 { 0.0 } else { f32::NEG_INFINITY }, 0)
            } else {
                let mut choice = (best[at], 0_u8);
                if at >= 1 && best[at - 1] > choice.0 {
                    choice = (best[at - 1], 1);
                }
                if may_skip(&states, at) && best[at - 2] > choice.0 {
                    choice = (best[at - 2], 2);
                }
                choice
            };
            best[at] = before + posteriors.at(frame, states[at]);
            came[frame * count + at] = step;
        }
    }
    let mut at = if best[count - 2] >= best[count - 1] { count - 2 } else { count - 1 };
    if frames == 0 || best[at] == f32::NEG_INFINITY {
        return None;
    }
    let mut spans = vec![(usize::MAX, 0_usize, 0.0_f32); classes.len()];
    for frame in (0..frames).rev() {
        if at % 2 == 1 {
            let span = &mut spans[at / 2];
            span.0 = frame;
            span.1 = span.1.max(frame + 1);
            span.2 += posteriors.at(frame, states[at]);
        }
        at -= usize::from(came[frame * count + at]);
    }
    let tokens = classes.iter().zip(spans).map(|(&class, (start, end, sum))| DecodedToken {
        class,
        start,
        end,
        confidence: (sum / (end - start) as f32).exp(),
    });
    Some(tokens.collect())
}
