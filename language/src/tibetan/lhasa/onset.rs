//! From a syllable's written beginning to its consonant and register.

use super::Onset;
use crate::tibetan::Parts;

/// Onset and register of a syllable's parts.
pub(super) fn of(p: &Parts) -> (Onset, bool) {
    // A prefix or superscript: bare voiced stops are aspirated, bare nasals low.
    let headed = p.prefix.is_some() || p.superscript.is_some();
    if p.prefix == Some('ད') && p.root == 'བ' && p.superscript.is_none() {
        // དབ is spoken w before a, and nothing before a vowel sign.
        return match (p.subscript, p.vowel) {
            (Some('ཡ'), _) => (Onset::Y, true),
            (Some('ར'), _) => (Onset::R, true),
            (Some('ལ'), _) => (Onset::L, true),
            (_, Some(_)) => (Onset::None, true),
            (_, None) => (Onset::W, true),
        };
    }
    if p.superscript == Some('ལ') && p.root == 'ཧ' {
        return (Onset::Lh, true);
    }
    match p.subscript {
        Some('ཡ') => with_ya(p.root, headed),
        Some('ར') => with_ra(p.root, headed),
        Some('ལ') if p.root == 'ཟ' => (Onset::T, false),
        Some('ལ') => (Onset::L, true),
        Some('ཕ') => (Onset::F, true),
        _ => plain_onset(p.root, headed),
    }
}

fn with_ya(root: char, headed: bool) -> (Onset, bool) {
    match root {
        'ཀ' => (Onset::Ky, true),
        'ཁ' => (Onset::Khy, true),
        'ག' => (if headed { Onset::Ky } else { Onset::Khy }, false),
        'པ' => (Onset::C, true),
        'ཕ' => (Onset::Ch, true),
        'བ' => (if headed { Onset::C } else { Onset::Ch }, false),
        'མ' => (Onset::Ny, headed),
        other => plain_onset(other, headed),
    }
}

fn with_ra(root: char, headed: bool) -> (Onset, bool) {
    match root {
        'ཀ' | 'ཏ' | 'པ' | 'ཊ' => (Onset::Tr, true),
        'ཁ' | 'ཐ' | 'ཕ' => (Onset::Thr, true),
        'ག' | 'ད' | 'བ' => (if headed { Onset::Tr } else { Onset::Thr }, false),
        'ཧ' | 'ཤ' => (Onset::Hr, true),
        other => plain_onset(other, headed),
    }
}

fn plain_onset(root: char, headed: bool) -> (Onset, bool) {
    let voiced = |plain, aspirated| (if headed { plain } else { aspirated }, false);
    match root {
        'ཀ' | 'ཫ' => (Onset::K, true),
        'ཁ' => (Onset::Kh, true),
        'ག' => voiced(Onset::K, Onset::Kh),
        'ང' => (Onset::Ng, headed),
        'ཅ' => (Onset::C, true),
        'ཆ' => (Onset::Ch, true),
        'ཇ' => voiced(Onset::C, Onset::Ch),
        'ཉ' => (Onset::Ny, headed),
        'ཏ' => (Onset::T, true),
        'ཊ' => (Onset::Tr, true),
        'ཐ' => (Onset::Th, true),
        'ཋ' => (Onset::Thr, true),
        'ད' => voiced(Onset::T, Onset::Th),
        'ཌ' => voiced(Onset::Tr, Onset::Thr),
        'ན' | 'ཎ' => (Onset::N, headed),
        'པ' => (Onset::P, true),
        'ཕ' => (Onset::Ph, true),
        'བ' => voiced(Onset::P, Onset::Ph),
        'མ' => (Onset::M, headed),
        'ཙ' => (Onset::Ts, true),
        'ཚ' => (Onset::Tsh, true),
        'ཛ' => voiced(Onset::Ts, Onset::Tsh),
        'ཝ' => (Onset::W, false),
        'ཞ' => (Onset::Sh, false),
        'ཟ' => (Onset::S, false),
        'ཡ' => (Onset::Y, headed),
        'ར' | 'ཬ' | 'ཪ' => (Onset::R, headed),
        'ལ' => (Onset::L, headed),
        'ཤ' | 'ཥ' => (Onset::Sh, true),
        'ས' => (Onset::S, true),
        'ཧ' => (Onset::H, true),
        'ཨ' => (Onset::None, true),
        _ => (Onset::None, false),
    }
}
