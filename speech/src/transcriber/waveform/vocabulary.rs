//! `vocab.json` and the files beside it: the classes of a wav2vec2 model as transformers' tokenizer keeps them.
//!
//! Source: transformers `tokenization_wav2vec2.py` (`Wav2Vec2CTCTokenizer`).

use std::path::Path;

use language::Language;
use serde_json::{Map, Value};

use super::{VOCABULARY, json, optional_json};
use crate::transcriber::{ModelError, tokens::Tokens};

/// Classes beyond this are no vocabulary but damage.
const MOST: u64 = 1 << 16;

/// What MMS and others call the service's languages in a nested `vocab.json`, the likeliest first (ISO 639-3, with the script
/// where there are two).
const fn codes(language: Language) -> &'static [&'static str] {
    match language {
        Language::Bo => &["bod", "bo"],
        Language::Zh => &["cmn-script_simplified", "cmn", "zho", "zh"],
    }
}

/// Reads the classes. `classes` is how many the model has, where its graph says so.
pub(super) fn read(
    folder: &Path,
    config: &Value,
    languages: &[Language],
    classes: Option<usize>,
) -> Result<Tokens, ModelError> {
    let file = folder.join(VOCABULARY);
    let tokenizer = optional_json(&folder.join("tokenizer_config.json"))?;
    let files = Files {
        vocabulary: json(&file)?,
        added: optional_json(&folder.join("added_tokens.json"))?,
        special: optional_json(&folder.join("special_tokens_map.json"))?,
        tokenizer,
    };
    files.tokens(config, languages, classes).map_err(|reason| ModelError::unusable(&file, reason))
}

/// The files' contents; empty objects for those that are not there.
struct Files {
    vocabulary: Value,
    added: Value,
    special: Value,
    tokenizer: Value,
}

impl Files {
    fn tokens(
        &self,
        config: &Value,
        languages: &[Language],
        classes: Option<usize>,
    ) -> Result<Tokens, String> {
        let added = numbers(self.added.as_object().unwrap_or(&Map::new()))?;
        let vocabulary = self.vocabulary.as_object().ok_or("it holds no object")?;
        let nested = !vocabulary.is_empty() && vocabulary.values().all(Value::is_object);
        let table = if nested { self.choose(vocabulary, languages, &added, classes)? } else { vocabulary };
        let mut names = number(numbers(table)?, &added)?;
        if let Some(classes) = classes {
            // A tokenizer may have been given tokens that the model never learnt; no class has their number.
            let surplus = names.get(classes..).unwrap_or_default();
            if names.len() < classes
                || surplus.iter().any(|name| !added.iter().any(|(extra, _)| extra == name))
            {
                return Err(format!(
                    "it has {} classes, the model {classes}; they do not belong together",
                    names.len()
                ));
            }
            names.truncate(classes);
        }
        let blank = self.blank(&names, config)?;
        let delimiter = self.token("word_delimiter_token").unwrap_or("|");
        let names = names
            .into_iter()
            .map(|name| match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
                _ if name == delimiter => "▁".to_owned(),
                // `[UNK]` and its like are the specials that others write in angle brackets.
                Some(special) if !special.is_empty() => format!("<{special}>"),
                _ => name,
            })
            .collect();
        Tokens::of(names, blank)
    }

    /// The vocabulary of one language among those of many.
    fn choose<'a>(
        &self,
        nested: &'a Map<String, Value>,
        languages: &[Language],
        added: &[(String, u64)],
        classes: Option<usize>,
    ) -> Result<&'a Map<String, Value>, String> {
        let named = self.tokenizer.get("target_lang").and_then(Value::as_str);
        let wanted = named.into_iter().chain(languages.iter().flat_map(|&language| codes(language)).copied());
        let known: Vec<&str> = wanted.filter(|code| nested.contains_key(*code)).collect();
        let fits = |table: &Map<String, Value>| {
            let all = numbers(table).and_then(|table| number(table, added)).map_or(0, |names| names.len());
            classes.is_none_or(|classes| (table.len()..=all).contains(&classes))
        };
        let tables = known.iter().filter_map(|code| nested.get(*code)?.as_object());
        let only = nested.values().next().and_then(Value::as_object).filter(|_| nested.len() == 1);
        tables.into_iter().chain(only).find(|table| fits(table)).ok_or_else(|| {
            format!(
                "none of its {} languages is one of the service's and of the model's size ({}); set target_lang in \
                 tokenizer_config.json to the language whose adapter the model was exported with",
                nested.len(),
                classes.map_or("which is open".to_owned(), |classes| format!("{classes} classes"))
            )
        })
    }

    /// The padding token is the blank.
    fn blank(&self, names: &[String], config: &Value) -> Result<usize, String> {
        let of = |token: &str| names.iter().position(|name| name == token);
        let padding = self.token("pad_token").and_then(of);
        let numbered =
            config.get("pad_token_id").and_then(Value::as_u64).and_then(|id| usize::try_from(id).ok());
        padding
            .or(numbered.filter(|&id| id < names.len()))
            .or_else(|| ["<pad>", "[PAD]"].into_iter().find_map(of))
            .ok_or_else(|| "it has no padding token, which would be the blank".to_owned())
    }

    /// A token that the tokenizer's files give a role: a string, or an object with its content.
    fn token(&self, role: &str) -> Option<&str> {
        [&self.tokenizer, &self.special].into_iter().find_map(|file| {
            let token = file.get(role)?;
            token.as_str().or_else(|| token.get("content")?.as_str())
        })
    }
}

fn numbers(table: &Map<String, Value>) -> Result<Vec<(String, u64)>, String> {
    table
        .iter()
        .map(|(name, id)| {
            let id = id.as_u64().filter(|&id| id < MOST);
            Ok((name.clone(), id.ok_or_else(|| format!("{name:?} has no class number"))?))
        })
        .collect()
}

/// Names by number; every number must have one.
fn number(table: Vec<(String, u64)>, added: &[(String, u64)]) -> Result<Vec<String>, String> {
    let mut names: Vec<Option<String>> = Vec::new();
    for (name, id) in table.into_iter().chain(added.iter().cloned()) {
        let id = id as usize;
        if names.len() <= id {
            names.resize(id + 1, None);
        }
        names[id] = Some(name);
    }
    let mut all = Vec::with_capacity(names.len());
    for (id, name) in names.into_iter().enumerate() {
        all.push(name.ok_or_else(|| format!("class {id} has no name"))?);
    }
    if all.is_empty() { Err("it is empty".to_owned()) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(vocabulary: Value) -> Files {
        Files { vocabulary, added: json!({}), special: json!({}), tokenizer: json!({}) }
    }

    fn names(files: &Files, classes: Option<usize>) -> Result<(Vec<String>, usize), String> {
        let tokens = files.tokens(&json!({}), &[Language::Bo], classes)?;
        Ok((tokens.names().to_vec(), tokens.blank()))
    }

    #[test]
    fn bars_are_spaces_bracketed_names_are_specials_and_padding_is_the_blank() {
        let files = files(json!({"[PAD]": 3, "ཀ": 0, "|": 1, "[UNK]": 2, "[": 4}));
        let (names, blank) = names(&files, Some(5)).unwrap();
        assert_eq!(names, ["ཀ", "▁", "<UNK>", "<PAD>", "["]);
        assert_eq!(blank, 3);
    }

    #[test]
    fn added_tokens_extend_the_vocabulary_and_may_have_no_class() {
        let mut files = files(json!({"<pad>": 0, "ཀ": 1}));
        files.added = json!({"<s>": 2, "</s>": 3});
        assert_eq!(names(&files, Some(4)).unwrap().0.len(), 4);
        assert_eq!(names(&files, Some(2)).unwrap().0, ["<pad>", "ཀ"]);
        assert!(names(&files, Some(1)).unwrap_err().contains("do not belong together"));
        assert!(names(&files, Some(5)).unwrap_err().contains("do not belong together"));
    }

    #[test]
    fn of_many_languages_the_services_own_is_taken_if_it_fits() {
        let english = json!({"<pad>": 0, "|": 1, "e": 2});
        let tibetan = json!({"<pad>": 0, "|": 1, "ཀ": 2, "ཁ": 3});
        let mut files = files(json!({"eng": english, "bod": tibetan}));
        assert_eq!(names(&files, Some(4)).unwrap().0, ["<pad>", "▁", "ཀ", "ཁ"]);
        let error = names(&files, Some(3)).unwrap_err();
        assert!(error.contains("target_lang"), "an English adapter: {error}");
        files.tokenizer = json!({"target_lang": "eng"});
        assert_eq!(names(&files, Some(3)).unwrap().0, ["<pad>", "▁", "e"]);
    }

    #[test]
    fn the_padding_token_may_have_any_name_and_must_exist() {
        let mut files = files(json!({"_": 1, "ཀ": 0}));
        assert!(names(&files, None).unwrap_err().contains("padding"));
        files.special = json!({"pad_token": {"content": "_"}});
        assert_eq!(names(&files, None).unwrap().1, 1);
        let tokens = files.tokens(&json!({"pad_token_id": 0}), &[], None).unwrap();
        assert_eq!(tokens.blank(), 1, "the tokenizer's word goes first");
    }

    #[test]
    fn damaged_vocabularies_are_refused() {
        for vocabulary in
            [json!([]), json!({}), json!({"a": -1}), json!({"<pad>": 0, "a": 2}), json!({"a": 1e9})]
        {
            assert!(names(&files(vocabulary.clone()), None).is_err(), "{vocabulary}");
        }
    }
}
