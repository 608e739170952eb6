//! The inverted index: which entries share terms with a query. The only file that knows tantivy.
//!
//! tantivy's own tokenizers tear Tibetan and keep a Chinese run whole, so documents come pre-tokenised by
//! [`Terms`](crate::analysis::Terms) and queries are built from terms directly.

use tantivy::collector::TopDocs;
use tantivy::columnar::Column;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

/// tantivy's smallest permitted budget for one indexing thread, in bytes; a knowledge base fits into it many times.
const WRITER_BYTES: usize = 15_000_000;

/// The spaces that are looked up in the inverted index: written and sound. Concepts are terms of the written one.
pub(crate) const INDEXED: usize = 2;

/// An immutable index in memory over the groups (entries in one language) of one publication.
pub(crate) struct InvertedIndex {
    searcher: Searcher,
    fields: [Field; INDEXED],
    /// By segment: group number of each document.
    ordinals: Vec<Column<u64>>,
}

impl std::fmt::Debug for InvertedIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvertedIndex").field("documents", &self.searcher.num_docs()).finish_non_exhaustive()
    }
}

const ORDINAL: &str = "group";

impl InvertedIndex {
    /// Indexes groups, each given by its terms in every indexed space with the number of times each occurs; the position
    /// is the number by which [`Self::search`] reports them.
    pub fn build<'a>(
        groups: impl Iterator<Item = [Vec<(&'a str, usize)>; INDEXED]>,
    ) -> tantivy::Result<Self> {
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
        for (number, spaces) in groups.enumerate() {
            let mut document = TantivyDocument::default();
            for (field, terms) in fields.iter().zip(&spaces) {
                document.add_pre_tokenized_text(*field, pre_tokenized(terms));
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

    /// The `limit` groups that BM25 likes best in one space, best first.
    pub fn search<'a>(
        &self,
        space: usize,
        terms: impl Iterator<Item = &'a str>,
        limit: usize,
    ) -> tantivy::Result<Vec<u32>> {
        let field = self.fields[space];
        let clauses: Vec<(Occur, Box<dyn Query>)> = terms
            .map(|term| {
                let term = Term::from_field_text(field, term);
                let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                (Occur::Should, query)
            })
            .collect();
        if clauses.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let hits = self
            .searcher
            .search(&BooleanQuery::new(clauses), &TopDocs::with_limit(limit).order_by_score())?;
        let number = |address: tantivy::DocAddress| {
            self.ordinals.get(address.segment_ord as usize)?.first(address.doc_id).map(|number| number as u32)
        };
        Ok(hits.into_iter().filter_map(|(_, address)| number(address)).collect())
    }
}

fn pre_tokenized(terms: &[(&str, usize)]) -> PreTokenizedString {
    let repeated = terms.iter().flat_map(|(text, count)| std::iter::repeat_n(*text, *count));
    let token =
        |(position, text): (usize, &str)| Token { position, text: text.to_owned(), ..Token::default() };
    PreTokenizedString { text: String::new(), tokens: repeated.enumerate().map(token).collect() }
}
