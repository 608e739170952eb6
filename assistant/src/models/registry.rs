//! Which published models there are: [`Registry`].

use std::{fs, io, path::Path};

use language::Language;
use serde::{Deserialize, Serialize};

use super::{hash_of, is_name};

/// What this project knows of; see the comments there.
const EMBEDDED: &str = include_str!("registry.toml");

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// From speech to text or evidence.
    #[serde(rename = "hearing")]
    Hearing,
    /// From text to speech.
    #[serde(rename = "voice")]
    Voice,
    /// Telling speech from silence.
    #[serde(rename = "voice activity")]
    VoiceActivity,
    /// Sentences as vectors.
    #[serde(rename = "encoder")]
    Encoder,
}

/// A file to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Where it lies, mirrors in the order in which they are tried; `https` or `http`.
    pub urls: Vec<String>,
    /// Its SHA-256 in hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A model of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// By which it is installed: lower-case letters, digits, `.`, `-`, `_`.
    pub name: String,
    /// What it is, in a sentence.
    pub title: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Languages of the service that it covers.
    pub languages: Vec<Language>,
    /// As its publisher says; `unknown` where that was not found out.
    pub licence: String,
    /// About how much is fetched, in megabytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub megabytes: Option<u64>,
    /// How its files are laid out, by the name that its publisher's tools use.
    pub layout: String,
    /// The engine of the configuration that loads it; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The file that the configuration names; `None` where it names the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// Where more is to be read, for a model that cannot be fetched ready-made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// What is fetched; empty where it has to be made by hand first.
    #[serde(default)]
    pub files: Vec<Remote>,
}

/// Why a registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The operator's file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is no registry.
    #[error("{path} is no list of models: {reason}")]
    Format {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    #[serde(default)]
    model: Vec<Listed>,
}

/// The models that can be installed by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    models: Vec<Listed>,
}

impl Registry {
    /// What this project knows of, with the operator's own file on top where there is one.
    ///
    /// # Errors
    /// [`RegistryError`] where the operator's file is there and cannot be used.
    pub fn load(own: &Path) -> Result<Self, RegistryError> {
        let mut models = parse("the built-in registry", EMBEDDED)?;
        let path = own.display().to_string();
        let text = match fs::read_to_string(own) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { models }),
            Err(source) => return Err(RegistryError::Io { path, source }),
        };
        for model in parse(&path, &text)? {
            match models.iter_mut().find(|known| known.name == model.name) {
                Some(known) => *known = model,
                None => models.push(model),
            }
        }
        Ok(Self { models })
    }

    /// All of them, this project's first.
    pub fn models(&self) -> &[Listed] {
        &self.models
    }

    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Listed> {
        self.models.iter().find(|model| model.name == name)
    }
}

fn parse(path: &str, text: &str) -> Result<Vec<Listed>, RegistryError> {
    let wrong = |reason: String| RegistryError::Format { path: path.to_owned(), reason };
    let lists: Lists = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for (index, model) in lists.model.iter().enumerate() {
        let wrong = |reason: &str| Err(wrong(format!("{:?}: {reason}", model.name)));
        if !is_name(&model.name) {
            return wrong("a name is made of lower-case letters, digits, `.`, `-` and `_`");
        }
        if lists.model[..index].iter().any(|other| other.name == model.name) {
            return wrong("the name is there twice");
        }
        for file in &model.files {
            let web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
            if file.urls.is_empty() || !file.urls.iter().all(web) {
                return wrong(
                    "every file needs at least one address, and addresses begin with https:// or http://",
                );
            }
            if file.sha256.as_ref().is_some_and(|hash| hash_of(hash).is_none()) {
                return wrong("a SHA-256 has 64 hexadecimal digits");
            }
        }
    }
    Ok(lists.model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_registry_is_whole_and_states_every_licence() {
        let registry = Registry::load(Path::new("/nowhere/registry.toml")).unwrap();
        assert!(registry.models().len() > 10);
        for model in registry.models() {
            assert!(!model.licence.is_empty() && !model.languages.is_empty(), "{}", model.name);
            assert!(!model.files.is_empty() || model.home.is_some(), "{}", model.name);
        }
        assert!(registry.get("labse").is_some_and(|model| model.languages.contains(&Language::Bo)));
    }

    #[test]
    fn an_operators_own_models_are_added_and_replace_those_of_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("registry.toml");
        let model = |name: &str, url: &str| {
            format!(
                "[[model]]\nname = {name:?}\ntitle = \"ours\"\npurpose = \"hearing\"\nlanguages = [\"bo\"]\nlicence = \"ours\"\n\
                 layout = \"zipformer2_ctc\"\nengine = \"ctc\"\nfiles = [{{ urls = [{url:?}] }}]\n"
            )
        };
        std::fs::write(&own, model("labse", "https://a.example/x") + &model("bod", "http://b.example/y"))
            .unwrap();
        let registry = Registry::load(&own).unwrap();
        assert_eq!(registry.get("labse").unwrap().title, "ours");
        assert_eq!(registry.models().last().unwrap().name, "bod");
        for (wrong, why) in [
            (model("Bod", "https://a.example/x"), "lower-case"),
            (model("bod", "ftp://a.example/x"), "https://"),
            (model("a", "https://a.example/x") + &model("a", "https://a.example/x"), "twice"),
            ("[[model]]\nname = \"x\"\n".to_owned(), "title"),
        ] {
            std::fs::write(&own, wrong).unwrap();
            let told = Registry::load(&own).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
