//! Phrases that are to be expected, and the graph that rewards them during a search.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

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

/// Phrases to be expected: those of a knowledge base, and those of one request on top.
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

    /// These phrases and more: a request's on top of the knowledge base's.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = BiasPhrase>) -> Self {
        let mut all = self.clone();
        all.phrases.extend(Self::new(more).phrases);
        all
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

/// A place in a [`ContextGraph`]: how much of which phrase was just said. The default is "nothing".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State(u32);

#[derive(Debug, Default)]
struct Node {
    next: BTreeMap<u32, u32>,
    /// The node of the longest suffix that is a beginning of a phrase too.
    fail: u32,
    /// What is lent while this much of a phrase has been said.
    lent: f32,
    /// What is earned for good on coming here: the phrases that end here.
    earned: f32,
}

/// The phrases of a [`Bias`] in a recogniser's classes, as an Aho-Corasick automaton with bonuses.
///
/// While a phrase is being said, each of its tokens is lent the phrase's weight, so that its beginning survives in the beam.
/// When the phrase does not come to its end, all of that is taken back in the step that leaves it; when it does, its whole
/// worth (weight × tokens) is earned for good. So the sum of all steps and of [`Self::finish`] is exactly the worth of the
/// phrases that occur in the text, overlapping ones included: no text gets anything for a phrase that it does not contain.
/// (What is lent may still crowd another text out of a narrow beam before it is taken back: give a biased search a beam of
/// 8 or more.)
///
/// Source: D. Zhao et al., *Shallow-Fusion End-to-End Contextual Biasing* (2019); the automaton follows icefall's
/// `context_graph.py` (strict mode), except that a finished phrase which cannot go on lends nothing on top.
#[derive(Debug)]
pub struct ContextGraph {
    nodes: Vec<Node>,
}

impl ContextGraph {
    /// Builds the graph of phrases, each as classes with the weight of a token in nats. `None` where there is none. A phrase
    /// that comes twice has the greater weight.
    pub fn new(phrases: impl IntoIterator<Item = (Vec<u32>, f32)>) -> Option<Self> {
        let mut nodes = vec![Node::default()];
        for (classes, weight) in phrases {
            let mut at = 0_usize;
            for (index, &class) in classes.iter().enumerate() {
                let known = nodes[at].next.get(&class).copied();
                let next = known.unwrap_or_else(|| {
                    nodes.push(Node::default());
                    let new = (nodes.len() - 1) as u32;
                    nodes[at].next.insert(class, new);
                    new
                });
                at = next as usize;
                let lent = weight * (index + 1) as f32;
                nodes[at].lent = nodes[at].lent.max(lent);
            }
            if at != 0 {
                nodes[at].earned = nodes[at].earned.max(weight * classes.len() as f32);
            }
        }
        if nodes.len() == 1 {
            return None;
        }
        let mut graph = Self { nodes };
        graph.link();
        Some(graph)
    }

    /// Sets the suffix links, the shallow nodes first, and what follows from them.
    fn link(&mut self) {
        let mut waiting: VecDeque<u32> = VecDeque::from([0]);
        while let Some(at) = waiting.pop_front() {
            let children: Vec<(u32, u32)> =
                self.nodes[at as usize].next.iter().map(|(&class, &node)| (class, node)).collect();
            for (class, child) in children {
                let fail = if at == 0 { 0 } else { self.follow(self.nodes[at as usize].fail, class) };
                let suffix = &self.nodes[fail as usize];
                let (suffix_lent, suffix_earned) = (suffix.lent, suffix.earned);
                let node = &mut self.nodes[child as usize];
                node.fail = fail;
                node.earned += suffix_earned;
                // A whole phrase that cannot go on is no beginning any more: only its suffix may be one.
                if node.next.is_empty() {
                    node.lent = suffix_lent;
                }
                waiting.push_back(child);
            }
        }
    }

    /// The node of the longest suffix of what was said, `class` included, that begins a phrase.
    fn follow(&self, mut at: u32, class: u32) -> u32 {
        loop {
            let node = &self.nodes[at as usize];
            if let Some(&next) = node.next.get(&class) {
                return next;
            }
            if at == 0 {
                return 0;
            }
            at = node.fail;
        }
    }

    /// Where a class leads from a state, and the bonus for it in nats (negative where what was lent is taken back).
    pub fn step(&self, state: State, class: u32) -> (State, f32) {
        let to = self.follow(state.0, class);
        let (before, after) = (&self.nodes[state.0 as usize], &self.nodes[to as usize]);
        (State(to), after.lent - before.lent + after.earned)
    }

    /// The bonus for ending in a state: what is still lent is taken back.
    pub fn finish(&self, state: State) -> f32 {
        -self.nodes[state.0 as usize].lent
    }

    /// The classes that go on with the phrase that is being said, or begin one.
    pub fn next_classes(&self, state: State) -> impl Iterator<Item = u32> {
        let begun = (state.0 != 0).then(|| self.nodes[state.0 as usize].next.keys());
        begun.into_iter().flatten().chain(self.nodes[0].next.keys()).copied()
    }
}

/// The last bias that an engine was asked to heed, in its classes: conversations about one knowledge base ask for the same
/// one again and again. One per transcriber.
#[derive(Debug, Default)]
pub struct BiasCache {
    last: Option<(Arc<Bias>, Option<Arc<ContextGraph>>)>,
}

impl BiasCache {
    /// The graph of a bias; `None` where nothing of it can be spelled. `spell` gives a phrase's classes, `None` where it has a
    /// character that the engine cannot write. Phrases of a single class are left out: they are everywhere.
    pub fn graph(
        &mut self,
        bias: &Arc<Bias>,
        spell: impl Fn(&str) -> Option<Vec<u32>>,
    ) -> Option<Arc<ContextGraph>> {
        if bias.is_empty() {
            return None;
        }
        if let Some((known, graph)) = &self.last
            && Arc::ptr_eq(known, bias)
        {
            return graph.clone();
        }
        let spelled = bias.phrases().iter().filter_map(|phrase| {
            spell(&phrase.text).filter(|classes| classes.len() > 1).map(|classes| (classes, phrase.weight))
        });
        let graph = ContextGraph::new(spelled).map(Arc::new);
        self.last = Some((Arc::clone(bias), graph.clone()));
        graph
    }
}
