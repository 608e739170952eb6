//! Phrases that are to be expected.

use std::sync::Arc;

use super::ContextGraph;

/// The most that a phrase's token may be worth, in nats: e⁴ is 55 times likelier. With more, what was said no longer
/// matters.
pub const MOST_WEIGHT: f32 = 4.0;

/// A phrase that is likelier to be said than a recogniser knows.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasPhrase {
    /// As it would be written.
    pub text: String,
    /// What each of its tokens is worth, in nats; 0.5 to 2 are usual, above 0 and at most [`MOST_WEIGHT`].
    pub weight: f32,
}

/// Phrases to be expected.
///
/// Shared by [`Arc`]: an engine spells a bias in its classes once and knows it again by its address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bias {
    phrases: Vec<BiasPhrase>,
}

impl Bias {
    /// Takes phrases. Empty ones and weights that are not above 0 are left out; weights are at most [`MOST_WEIGHT`].
    pub fn new(phrases: impl IntoIterator<Item = BiasPhrase>) -> Self {
        let usable = |phrase: &BiasPhrase| phrase.weight > 0.0 && !phrase.text.trim().is_empty();
        let limited = |phrase: BiasPhrase| BiasPhrase { weight: phrase.weight.min(MOST_WEIGHT), ..phrase };
        Self { phrases: phrases.into_iter().filter(usable).map(limited).collect() }
    }

    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// The phrases, as given.
    pub fn phrases(&self) -> &[BiasPhrase] {
        &self.phrases
    }
}

/// How many biases a [`BiasCache`] keeps: those of a knowledge base in both languages, and of the one before while turns that
/// began with it are still under way.
const KEPT: usize = 4;

/// The last biases that an engine was asked to heed, in its classes: conversations about one knowledge base ask for the same
/// ones again and again. One per transcriber.
#[derive(Debug, Default)]
pub struct BiasCache {
    /// The one used last comes first.
    recent: Vec<(Arc<Bias>, Option<Arc<ContextGraph>>)>,
}

impl BiasCache {
    /// The graph of a bias; `None` where nothing of it can be spelled. `spell` gives a phrase's classes, `None` where it has a
    /// character that the engine cannot write. A phrase of a single class, which would be everywhere, counts only where it is
    /// all that is said: "yes", "two".
    pub fn graph(
        &mut self,
        bias: &Arc<Bias>,
        spell: impl Fn(&str) -> Option<Vec<u32>>,
    ) -> Option<Arc<ContextGraph>> {
        if bias.is_empty() {
            return None;
        }
        if let Some(known) = self.recent.iter().position(|(known, _)| Arc::ptr_eq(known, bias)) {
            self.recent[..=known].rotate_right(1);
            return self.recent[0].1.clone();
        }
        let spelled = bias.phrases().iter().filter_map(|phrase| Some((spell(&phrase.text)?, phrase.weight)));
        let (anywhere, alone): (Vec<_>, Vec<_>) = spelled.partition(|(classes, _)| classes.len() > 1);
        let graph = ContextGraph::new(anywhere, alone).map(Arc::new);
        self.recent.truncate(KEPT - 1);
        self.recent.insert(0, (Arc::clone(bias), graph.clone()));
        graph
    }
}
