//! The graph that rewards expected phrases during a search.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

/// Stands before an utterance's first class and behind its last, in phrases that are all that is said. No vocabulary has
/// so many classes.
const BEGIN: u32 = u32::MAX - 1;
/// See [`BEGIN`].
const END: u32 = u32::MAX;

/// Where nothing of any phrase has been said.
const ROOT: u32 = 0;

/// A place in a [`ContextGraph`]: how much of which phrase was just said. The default is "nothing".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State(u32);

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// The node of the longest suffix that is a beginning of a phrase too.
    fail: u32,
    /// What is lent while this much of a phrase has been said.
    lent: f32,
    /// What is earned for good on coming here: the phrases that end here.
    earned: f32,
}

/// The phrases of a [`Bias`](super::Bias) in a recogniser's classes, as an Aho-Corasick automaton with bonuses.
///
/// While a phrase is being said, each of its tokens is lent the phrase's weight, so that its beginning survives in the beam.
/// When the phrase does not come to its end, all of that is taken back in the step that leaves it; when it does, its whole
/// worth (weight × tokens) is earned for good. So the sum of all steps and of [`Self::finish`] is exactly the worth of the
/// phrases that occur in the text, overlapping ones included: no text gets anything for a phrase that it does not contain.
/// (What is lent may still crowd another text out of a narrow beam before it is taken back: give a biased search a beam of
/// 8 or more.)
///
/// Source: D. Zhao et al., *Shallow-Fusion End-to-End Contextual Biasing* (2019); the automaton follows icefall's
/// `context_graph.py` (strict mode), except that a finished phrase which cannot go on lends nothing on top, and that there are
/// phrases which count only as whole utterances.
#[derive(Debug)]
pub struct ContextGraph {
    nodes: Vec<Node>,
    /// Classes that go on from a node, ascending, with where they lead: those of node `n` are `first[n]..first[n + 1]`.
    edges: Vec<(u32, u32)>,
    first: Vec<u32>,
    begin: State,
}

/// A trie being built.
#[derive(Default)]
struct Trie {
    nodes: Vec<Node>,
    next: FxHashMap<(u32, u32), u32>,
}

impl Trie {
    /// Adds a phrase; [`BEGIN`] and [`END`] are no tokens that something is lent for.
    fn add(&mut self, classes: impl Iterator<Item = u32>, weight: f32) {
        let (mut at, mut said) = (ROOT, 0.0);
        for class in classes {
            let nodes = &mut self.nodes;
            at = *self.next.entry((at, class)).or_insert_with(|| {
                nodes.push(Node::default());
                (nodes.len() - 1) as u32
            });
            if !matches!(class, BEGIN | END) {
                said += 1.0;
            }
            let node = &mut self.nodes[at as usize];
            node.lent = node.lent.max(weight * said);
        }
        if at != ROOT {
            let node = &mut self.nodes[at as usize];
            node.earned = node.earned.max(weight * said);
        }
    }
}

impl ContextGraph {
    /// Builds the graph of phrases, each as classes with the weight of a token in nats: those that count `anywhere`, and those
    /// that count only where they `alone` are said. `None` where there is none. A phrase that comes twice has the greater
    /// weight.
    pub fn new(
        anywhere: impl IntoIterator<Item = (Vec<u32>, f32)>,
        alone: impl IntoIterator<Item = (Vec<u32>, f32)>,
    ) -> Option<Self> {
        let mut trie = Trie { nodes: vec![Node::default()], ..Trie::default() };
        for (classes, weight) in anywhere {
            trie.add(classes.into_iter(), weight);
        }
        for (classes, weight) in alone.into_iter().filter(|(classes, _)| !classes.is_empty()) {
            trie.add(std::iter::once(BEGIN).chain(classes).chain([END]), weight);
        }
        if trie.nodes.len() == 1 {
            return None;
        }
        let mut all: Vec<(u32, u32, u32)> =
            trie.next.into_iter().map(|((from, class), to)| (from, class, to)).collect();
        all.sort_unstable();
        let mut first = vec![0; trie.nodes.len() + 1];
        for &(from, ..) in &all {
            first[from as usize + 1] += 1;
        }
        for node in 1..first.len() {
            first[node] += first[node - 1];
        }
        let edges = all.into_iter().map(|(_, class, to)| (class, to)).collect();
        let mut graph = Self { nodes: trie.nodes, edges, first, begin: State::default() };
        graph.link();
        graph.begin = State(graph.follow(ROOT, BEGIN));
        Some(graph)
    }

    /// Sets the suffix links, the shallow nodes first, and what follows from them.
    fn link(&mut self) {
        let mut waiting: VecDeque<u32> = VecDeque::from([ROOT]);
        while let Some(at) = waiting.pop_front() {
            for number in self.first[at as usize]..self.first[at as usize + 1] {
                let (class, child) = self.edges[number as usize];
                let fail = if at == ROOT { ROOT } else { self.follow(self.nodes[at as usize].fail, class) };
                let suffix = self.nodes[fail as usize];
                let last = self.onward(child).is_empty();
                let node = &mut self.nodes[child as usize];
                node.fail = fail;
                node.earned += suffix.earned;
                // A whole phrase that cannot go on is no beginning any more: only its suffix may be one.
                if last {
                    node.lent = suffix.lent;
                }
                waiting.push_back(child);
            }
        }
    }

    /// The classes that go on from a node, with where they lead.
    fn onward(&self, node: u32) -> &[(u32, u32)] {
        &self.edges[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }

    /// The node of the longest suffix of what was said, `class` included, that begins a phrase.
    fn follow(&self, mut at: u32, class: u32) -> u32 {
        loop {
            let onward = self.onward(at);
            if let Ok(found) = onward.binary_search_by_key(&class, |&(class, _)| class) {
                return onward[found].1;
            }
            if at == ROOT {
                return ROOT;
            }
            at = self.nodes[at as usize].fail;
        }
    }

    /// Where an utterance begins.
    pub const fn begin(&self) -> State {
        self.begin
    }

    /// Where a class leads from a state, and the bonus for it in nats (negative where what was lent is taken back).
    pub fn step(&self, state: State, class: u32) -> (State, f32) {
        let to = self.follow(state.0, class);
        let (before, after) = (&self.nodes[state.0 as usize], &self.nodes[to as usize]);
        (State(to), after.lent - before.lent + after.earned)
    }

    /// The bonus for ending in a state: phrases that are the whole utterance are earned, and what is still lent is taken back.
    pub fn finish(&self, state: State) -> f32 {
        let (over, bonus) = self.step(state, END);
        bonus - self.nodes[over.0 as usize].lent
    }

    /// The classes that go on with a phrase that is being said.
    fn next_classes(&self, state: State) -> impl Iterator<Item = u32> {
        let begun = |node: &u32| *node != ROOT;
        let suffixes = std::iter::successors(Some(state.0).filter(begun), move |&node| {
            Some(self.nodes[node as usize].fail).filter(begun)
        });
        suffixes.flat_map(|node| self.onward(node)).map(|&(class, _)| class)
    }

    /// The classes that begin a phrase.
    fn first_classes(&self) -> impl Iterator<Item = u32> {
        self.onward(ROOT).iter().map(|&(class, _)| class)
    }
}

/// What a search expects: up to two graphs, whose bonuses add up. What a knowledge base expects is large and made once; what
/// one utterance adds to it is small.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a>([Option<&'a ContextGraph>; 2]);

/// A place in both graphs of a [`Context`].
pub(super) type States = [State; 2];

impl<'a> Context<'a> {
    /// Both graphs, where there are any.
    pub const fn new(standing: Option<&'a ContextGraph>, utterance: Option<&'a ContextGraph>) -> Self {
        Self([standing, utterance])
    }

    /// Whether nothing is expected.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, [None, None])
    }

    pub(super) fn begin(&self) -> States {
        self.0.map(|graph| graph.map_or_else(State::default, ContextGraph::begin))
    }

    pub(super) fn step(&self, mut states: States, class: u32) -> (States, f32) {
        let mut bonus = 0.0;
        for (state, graph) in states.iter_mut().zip(self.0) {
            if let Some(graph) = graph {
                let (to, more) = graph.step(*state, class);
                *state = to;
                bonus += more;
            }
        }
        (states, bonus)
    }

    pub(super) fn finish(&self, states: States) -> f32 {
        states.iter().zip(self.0).filter_map(|(&state, graph)| Some(graph?.finish(state))).sum()
    }

    pub(super) fn next_classes(&self, states: States) -> impl Iterator<Item = u32> {
        let graphs = states.into_iter().zip(self.0);
        graphs.filter_map(|(state, graph)| Some(graph?.next_classes(state))).flatten()
    }

    pub(super) fn first_classes(&self) -> impl Iterator<Item = u32> {
        self.0.into_iter().flatten().flat_map(ContextGraph::first_classes)
    }
}
