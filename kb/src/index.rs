//! The inverted index: which variants share terms with a query. The only file that knows tantivy.
//!
//! tantivy's own tokenizers tear Tibetan and keep a Chinese run whole, so documents come pre-tokenised by
//! [`Terms`] and queries are built from terms directly.

use tantivy::collector::TopDocs;
use tantivy::columnar::Column;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use crate::View;
use crate::analysis::Terms;

/// tantivy's smallest permitted budget for one indexing thread, in bytes; a knowledge base fits into it many times.
const WRITER_BYTES: usize = 15_000_000;

/// An immutable index in memory over the variants of one publication.
pub(crate) struct InvertedIndex {
    searcher: Searcher,
    fields: [(View, Field); 3],
    /// By segment: variant number of each document.
    ordinals: Vec<Column<u64>>,
}

impl std::fmt::Debug for InvertedIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvertedIndex").field("documents", &self.searcher.num_docs()).finish_non_exhaustive()
    }
}

/// Documents with their scores, best first.
pub(crate) type Hits = Vec<(u32, f32)>;

const ORDINAL: &str = "variant";

impl InvertedIndex {
    /// Indexes documents; the position in `documents` is the number by which [`Self::search`] reports them.
    pub fn build(documents: &[Terms]) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let options = TextOptions::default().set_indexing_options(indexing);
        let fields = [(View::Words, "words"), (View::Grams, "grams"), (View::Phonetic, "phonetic")]
            .map(|(view, name)| (view, schema.add_text_field(name, options.clone())));
        let ordinal = schema.add_u64_field(ORDINAL, FAST);
        let index = Index::create_in_ram(schema.build());
        // One thread and one commit: document order, and with it the order among equal scores, is the same every time.
        let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
        for (number, terms) in documents.iter().enumerate() {
            let mut document = TantivyDocument::default();
            for (view, field) in fields {
                document.add_pre_tokenized_text(field, pre_tokenized(terms.view(view)));
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

    /// The `limit` best documents of every view with their BM25 scores, best first.
    pub fn search(&self, terms: &Terms, limit: usize) -> tantivy::Result<Vec<(View, Hits)>> {
        self.fields
            .iter()
            .map(|&(view, field)| Ok((view, self.search_view(field, terms.view(view), limit)?)))
            .collect()
    }

    fn search_view(&self, field: Field, terms: &[String], limit: usize) -> tantivy::Result<Hits> {
        if terms.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let clauses = terms
            .iter()
            .map(|term| {
                let term = Term::from_field_text(field, term);
                let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                (Occur::Should, query)
            })
            .collect();
        let hits = self
            .searcher
            .search(&BooleanQuery::new(clauses), &TopDocs::with_limit(limit).order_by_score())?;
        let number = |address: tantivy::DocAddress| {
            self.ordinals.get(address.segment_ord as usize)?.first(address.doc_id).map(|number| number as u32)
        };
        Ok(hits.into_iter().filter_map(|(score, address)| Some((number(address)?, score))).collect())
    }
}

fn pre_tokenized(terms: &[String]) -> PreTokenizedString {
    let token =
        |(position, text): (usize, &String)| Token { position, text: text.clone(), ..Token::default() };
    PreTokenizedString { text: String::new(), tokens: terms.iter().enumerate().map(token).collect() }
}
