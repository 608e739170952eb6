//! The inverted index of a large knowledge base. The only file that knows tantivy.
//!
//! tantivy's own tokenizers tear Tibetan and keep a Chinese run whole, so documents come pre-tokenised: a term is the number that the
//! forward index gives it.

use tantivy::collector::TopDocs;
use tantivy::columnar::Column;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use super::INDEXED;
use crate::likeness::ForwardIndex;

/// Budget of the one indexing thread, in bytes: what a hundred thousand entries need without being written out in many pieces.
const WRITER_BYTES: usize = 200_000_000;

const ORDINAL: &str = "group";

/// An immutable index in memory over the groups of one publication.
pub(crate) struct LargeIndex {
    searcher: Searcher,
    fields: [Field; INDEXED],
    /// By segment: group number of each document.
    ordinals: Vec<Column<u64>>,
}

impl std::fmt::Debug for LargeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LargeIndex").field("documents", &self.searcher.num_docs()).finish_non_exhaustive()
    }
}

impl LargeIndex {
    /// Indexes the groups of a forward index.
    pub fn build(forward: &ForwardIndex) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let options = TextOptions::default().set_indexing_options(indexing);
        let fields = ["written", "sound"].map(|name| schema.add_text_field(name, options.clone()));
        let ordinal = schema.add_u64_field(ORDINAL, FAST);
        let index = Index::create_in_ram(schema.build());
        // One thread and one commit: document order, and with it the order among equal scores, is the same every time.
        let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let mut spaces: [_; INDEXED] = std::array::from_fn(|space| forward.groups_in(space));
        for number in 0..forward.groups().len() {
            let mut document = TantivyDocument::default();
            for (field, groups) in fields.iter().zip(&mut spaces) {
                if let Some((terms, counts)) = groups.next() {
                    document.add_pre_tokenized_text(*field, tokens(terms, counts));
                }
            }
            document.add_u64(ordinal, number as u64);
            writer.add_document(document)?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let searcher = reader.searcher();
        let ordinals = searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().u64(ORDINAL))
            .collect::<tantivy::Result<Vec<_>>>()?;
        Ok(Self { searcher, fields, ordinals })
    }

    /// The `limit` groups that BM25 likes best for terms of one space, best first.
    pub fn search(&self, space: usize, terms: &[u32], limit: usize) -> tantivy::Result<Vec<u32>> {
        let clause = |term: &u32| {
            let term = Term::from_field_text(self.fields[space], &name(*term));
            let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
            (Occur::Should, query)
        };
        if terms.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let query = BooleanQuery::new(terms.iter().map(clause).collect());
        let hits = self.searcher.search(&query, &TopDocs::with_limit(limit).order_by_score())?;
        let number = |address: tantivy::DocAddress| {
            self.ordinals.get(address.segment_ord as usize)?.first(address.doc_id).map(|number| number as u32)
        };
        Ok(hits.into_iter().filter_map(|(_, address)| number(address)).collect())
    }
}

/// A term's number as tantivy knows it.
fn name(term: u32) -> String {
    format!("{term:x}")
}

fn tokens(terms: &[u32], counts: &[u16]) -> PreTokenizedString {
    let repeated = terms.iter().zip(counts).flat_map(|(term, count)| {
        let name = name(*term);
        std::iter::repeat_n(name, usize::from(*count))
    });
    let token = |(position, text): (usize, String)| Token { position, text, ..Token::default() };
    PreTokenizedString { text: String::new(), tokens: repeated.enumerate().map(token).collect() }
}
