//! `assistant models`: published models, from the registry to the data folder.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use language::Language;
use serde::Serialize;
use speech::{SAMPLE_RATE, SpeechRequest, TranscribeRequest, codec::resample::Resampler};

use super::{Failure, Outcome, block_on, counted, language};
use crate::{
    config::{Configuration, Engine},
    models::{
        FetchSettings, Installed, Listed, Progress, Purpose, Registry, Remote, Shelf, Trust, Wanted, hash_of,
        is_name,
    },
    server::voices,
    workers::engines::Loader,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the models that can be installed, and those that are.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install a model by its name in the list, from an address, or from a file or folder on this machine.
    Install {
        /// A name of the list, an address that begins with https:// or http://, or a path.
        #[arg(value_name = "NAME|URL|FILE")]
        what: String,
        /// Further addresses of the same file, tried first and in this order. An address that ends in `/` is a folder: the
        /// file's name is added.
        #[arg(long, value_name = "URL")]
        mirror: Vec<String>,
        /// The file's SHA-256. Without it, and where the list knows none, the first file that comes is trusted, and every
        /// later one must be the same.
        #[arg(long, value_name = "HEX", value_parser = sha256)]
        sha256: Option<String>,
        /// Install it under this name.
        #[arg(long = "as", value_name = "NAME", value_parser = name)]
        name: Option<String>,
    },
    /// Read every file of installed models again and compare the hashes.
    Verify {
        /// The models; all of them where none is named.
        names: Vec<String>,
    },
    /// Remove an installed model.
    Remove {
        /// The model.
        name: String,
    },
    /// Measure how fast an installed model is on this machine.
    Bench {
        /// The model, or a folder or file with one.
        name: String,
        /// Seconds of speech that it is given.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(3..=600))]
        seconds: u16,
        /// The language that is spoken to it; the first one that it covers where this is not given.
        #[arg(long, value_parser = language, value_name = "bo|zh")]
        language: Option<Language>,
        /// The configuration's name for its engine, where the list does not know it.
        #[arg(long, value_name = "ENGINE")]
        engine: Option<String>,
    },
}

fn sha256(text: &str) -> Result<String, String> {
    hash_of(text).ok_or_else(|| "a SHA-256 has 64 hexadecimal digits".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let plain = is_name(text).then(|| text.to_owned());
    plain.ok_or_else(|| "a name is made of lower-case letters, digits, `.`, `-` and `_`".to_owned())
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    let folder = configuration.data("models");
    let registry = Registry::load(&folder.join("registry.toml"))?;
    let shelf = Shelf::new(folder);
    match command {
        Command::List { json } => list(&registry, &shelf, json),
        Command::Install { what, mirror, sha256, name } => {
            let wanted = wanted(&registry, &what, &mirror, sha256.as_deref(), name)?;
            install(&shelf, &wanted)
        }
        Command::Verify { names } => verify(&shelf, names),
        Command::Remove { name } => {
            let removed = shelf.remove(&name)?;
            println!("{name} was removed ({} MB).", megabytes(removed.bytes()));
            Ok(())
        }
        Command::Bench { name, seconds, language, engine } => {
            bench(configuration, &shelf, &name, seconds, language, engine)
        }
    }
}

const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

fn codes(languages: &[Language]) -> String {
    languages.iter().map(|language| language.code()).collect::<Vec<_>>().join(",")
}

/// What `models list --json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    available: &'a [Listed],
    installed: &'a [Installed],
}

fn list(registry: &Registry, shelf: &Shelf, json: bool) -> Outcome {
    let installed = shelf.list()?;
    if json {
        let listing = Listing { available: registry.models(), installed: &installed };
        println!("{}", serde_json::to_string_pretty(&listing)?);
        return Ok(());
    }
    println!("installed in {}:", shelf.place("").display());
    if installed.is_empty() {
        println!("  none");
    }
    for model in &installed {
        println!(
            "  {:<24} {:>6} MB  {:<6} {}  ({})",
            model.name,
            megabytes(model.bytes()),
            codes(&model.languages),
            model.licence,
            model.installed
        );
    }
    println!("\ncan be installed (as their publishers say; this project has tried none of them):");
    for model in registry.models() {
        let size = model.megabytes.map_or("?".to_owned(), |size| size.to_string());
        let here = if installed.iter().any(|known| known.name == model.name) { "*" } else { " " };
        println!("{here} {:<24} {size:>6} MB  {:<6} {}", model.name, codes(&model.languages), model.licence);
        println!("    {}", model.title);
    }
    Ok(())
}

/// What is to be installed from what the command line says.
fn wanted(
    registry: &Registry,
    what: &str,
    mirrors: &[String],
    sha256: Option<&str>,
    name: Option<String>,
) -> Result<Wanted, Failure> {
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    if let Some(wrong) = mirrors.iter().find(|mirror| !is_url(mirror)) {
        return Err(Failure::Usage(format!("{wrong:?} is no address: it begins with https:// or http://")));
    }
    let (mut model, local) = if let Some(listed) = registry.get(what) {
        (listed.clone(), None)
    } else if is_url(what) {
        (unlisted(what, vec![Remote { urls: vec![what.to_owned()], sha256: None }]), None)
    } else if Path::new(what).exists() {
        // A hash for a local file is checked too.
        (unlisted(what, vec![Remote { urls: Vec::new(), sha256: None }]), Some(PathBuf::from(what)))
    } else {
        return Err(Failure::Usage(format!(
            "{what:?} is neither a model of the list (`assistant models list`), nor an address, nor a file or folder"
        )));
    };
    if sha256.is_some() && model.files.len() > 1 {
        return Err(Failure::Usage(format!(
            "{what} has {} files, so that one SHA-256 says too little; give them in models/registry.toml of the data folder",
            model.files.len()
        )));
    }
    for file in &mut model.files {
        if sha256.is_some() {
            file.sha256 = sha256.map(str::to_owned);
        }
        let own = file.urls.first().cloned().unwrap_or_default();
        let last = own.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let full = |mirror: &String| {
            if mirror.ends_with('/') { format!("{mirror}{last}") } else { mirror.clone() }
        };
        let first: Vec<String> = mirrors.iter().map(full).collect();
        file.urls.splice(0..0, first);
    }
    if let Some(name) = name {
        model.name = name;
    }
    if !is_name(&model.name) {
        return Err(Failure::Usage(format!(
            "{:?} is no good name for a model; give one with --as",
            model.name
        )));
    }
    Ok(Wanted { model, local })
}

/// A model of which nothing is known but where it is.
fn unlisted(source: &str, files: Vec<Remote>) -> Listed {
    let path = source.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let ends = [".tar.bz2", ".tar.gz", ".tbz2", ".tgz", ".tar", ".zip", ".onnx", ".bin", ".gguf"];
    let stem = ends.iter().find_map(|end| last.strip_suffix(end)).unwrap_or(&last);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let whisper = stem.len() < last.len() && stem.starts_with("ggml-");
    Listed {
        name: stem.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned(),
        title: source.to_owned(),
        purpose: Purpose::Hearing,
        languages: Vec::new(),
        licence: "unknown".to_owned(),
        megabytes: None,
        layout: "unknown".to_owned(),
        engine: whisper.then(|| "whisper".to_owned()),
        main: whisper.then(|| path.rsplit('/').next().unwrap_or_default().to_owned()),
        home: None,
        files,
    }
}

/// A bar on standard error; nothing where that is no terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let template = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }
}

impl Progress for Bar {
    fn begin(&self, total: Option<u64>, here: u64) {
        match total {
            Some(total) => self.0.set_length(total),
            None => self.0.unset_length(),
        }
        self.0.reset();
        self.0.set_position(here);
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn note(&self, message: &str) {
        self.0.suspend(|| eprintln!("{message}"));
    }
}

fn install(shelf: &Shelf, wanted: &Wanted) -> Outcome {
    println!("{}: {}", wanted.model.name, wanted.model.title);
    println!("licence: {}", wanted.model.licence);
    let bar = Bar::new();
    let settings = FetchSettings::default();
    let outcome = block_on(shelf.install(wanted, &settings, &bar))?;
    bar.0.finish_and_clear();
    let installed = outcome?;
    let place = shelf.place(&installed.name);
    println!(
        "installed in {}: {}, {} MB",
        place.display(),
        counted(installed.files.len(), "file", "files"),
        megabytes(installed.bytes())
    );
    for origin in &installed.origins {
        let trust = match origin.trust {
            Trust::KnownHash => "as was expected",
            Trust::SeenBefore => "as at the first installation",
            Trust::FirstUse => "the first that came from there: trusted on first use, and recorded",
            Trust::Local => "your own file",
        };
        if !origin.sha256.is_empty() {
            println!("SHA-256 {} ({trust})", origin.sha256);
        }
    }
    if !installed.left_out.is_empty() {
        println!("left out, being no files: {}", installed.left_out.join(", "));
    }
    print!("{}", how_to_use(&installed, wanted.model.purpose, &place));
    Ok(())
}

/// The lines of the configuration that use a model; or why there are none.
fn how_to_use(installed: &Installed, purpose: Purpose, place: &Path) -> String {
    let path = installed.main.as_ref().map_or(place.to_owned(), |main| place.join(main));
    let path = path.display().to_string();
    match (purpose, &installed.engine) {
        (Purpose::Encoder, Some(_)) => {
            format!("\nto use it, write into assistant.toml:\n\n[understanding.encoder]\npath = {path:?}\n")
        }
        (Purpose::Hearing, Some(engine)) if engine_of(engine, Path::new(&path)).is_some() => {
            let languages: &[Language] =
                if installed.languages.is_empty() { &Language::ALL } else { &installed.languages };
            let lines = languages.iter().map(|language| {
                format!(
                    "\n[hearing.{}]\nengines = [{{ engine = {engine:?}, path = {path:?} }}, {{ engine = \"ctc\", path = \
                     \"models/seed\" }}]\n",
                    language.code()
                )
            });
            let lines: String = lines.collect();
            format!(
                "\nto use it, write into assistant.toml (the shipped model stays behind it, for evidence and as a fall-back):\n{lines}"
            )
        }
        (Purpose::Voice, Some(engine)) if engine == "vits" => {
            let languages: &[Language] =
                if installed.languages.is_empty() { &[Language::Zh] } else { &installed.languages };
            let lines = languages.iter().map(|language| {
                format!("{} = [{{ engine = {engine:?}, path = {path:?} }}]\n", language.code())
            });
            let lines: String = lines.collect();
            format!(
                "\nto use it, write into assistant.toml (espeak-ng stays behind it, as a fall-back):\n\n[voice]\n{lines}"
            )
        }
        (_, Some(engine)) => {
            format!("\nthis version has no engine {engine:?} to load it with; a later one may have\n")
        }
        (_, None) => "\nthis version has no engine that is known to load it\n".to_owned(),
    }
}

/// An engine of the configuration by its name; `None` where this version has none of that name.
fn engine_of(engine: &str, path: &Path) -> Option<Engine> {
    serde_json::from_value(serde_json::json!({ "engine": engine, "path": path })).ok()
}

fn verify(shelf: &Shelf, names: Vec<String>) -> Outcome {
    let names =
        if names.is_empty() { shelf.list()?.into_iter().map(|model| model.name).collect() } else { names };
    let mut bad = false;
    for name in &names {
        let wrong = shelf.verify(name)?;
        if wrong.is_empty() {
            println!("ok     {name}");
        }
        for problem in &wrong {
            println!("WRONG  {name}: {problem}");
        }
        bad |= !wrong.is_empty();
    }
    if names.is_empty() {
        println!("no model is installed");
    }
    if bad { Err(Failure::Said) } else { Ok(()) }
}

/// What the voice reads out for a measurement: a question as citizens ask them. The Tibetan awaits a native reviewer.
const fn sample_text(language: Language) -> &'static str {
    match language {
        Language::Zh => "您好，我想问一下，身份证到期了怎么换，需要带什么材料，要等几天才能拿到。",
        Language::Bo => "ཐོབ་ཐང་ལག་ཁྱེར་གྱི་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད། ཡིག་ཆ་གང་དག་འཁྱེར་དགོས་རེད།",
    }
}

/// Longest piece of speech that an engine is given at once.
const PIECE_SECONDS: usize = 10;

fn bench(
    configuration: &Configuration,
    shelf: &Shelf,
    name: &str,
    seconds: u16,
    language: Option<Language>,
    engine: Option<String>,
) -> Outcome {
    let installed = shelf.get(name)?;
    let (path, known, languages) = match &installed {
        Some(model) => {
            let place = shelf.place(name);
            let path = model.main.as_ref().map_or(place.clone(), |main| place.join(main));
            (path, model.engine.clone(), model.languages.clone())
        }
        None if Path::new(name).exists() => (PathBuf::from(name), Some("ctc".to_owned()), Vec::new()),
        None => {
            return Err(anyhow!("no model {name:?} is installed, and there is no such file or folder").into());
        }
    };
    let engine = engine.or(known).ok_or_else(|| {
        Failure::Usage(format!("the list does not know which engine loads {name}; give it with --engine"))
    })?;
    let engine = engine_of(&engine, &path)
        .ok_or_else(|| Failure::Usage(format!("this version has no engine {engine:?}")))?;
    let language = language.or(languages.first().copied()).unwrap_or(Language::Zh);
    let mut hearing = configuration.hearing.clone();
    (hearing.bo.engines, hearing.zh.engines) = (vec![engine.clone()], vec![engine]);
    let before = resident_megabytes();
    let begun = Instant::now();
    let (mut engines, missing) = Loader::new(&hearing).load();
    let loading = begun.elapsed();
    let Some(engine) = engines.get(language) else {
        let why = missing.first().map_or("it cannot be loaded", |missing| missing.reason.as_str());
        return Err(anyhow!("{name}: {why}").into());
    };
    println!("engine: {}", engine.name());
    println!("loaded in {:.1} s", loading.as_secs_f64());
    if let (Some(before), Some(after)) = (before, resident_megabytes()) {
        println!("memory: {} MB more than before", after.saturating_sub(before));
    }
    let most = PIECE_SECONDS.min(engine.capabilities().max_seconds as usize).max(1) * SAMPLE_RATE as usize;
    let speech = speech_of(configuration, language, usize::from(seconds) * SAMPLE_RATE as usize)?;
    let request = TranscribeRequest { language: Some(language), ..TranscribeRequest::default() };
    let mut factors = Vec::new();
    let mut took = Duration::ZERO;
    for piece in speech.chunks(most).filter(|piece| piece.len() >= SAMPLE_RATE as usize) {
        let begun = Instant::now();
        engine.transcribe(piece, &request)?;
        took += begun.elapsed();
        factors.push(begun.elapsed().as_secs_f64() / (piece.len() as f64 / f64::from(SAMPLE_RATE)));
    }
    factors.sort_by(f64::total_cmp);
    let heard = speech.len() as f64 / f64::from(SAMPLE_RATE);
    println!(
        "{heard:.0} s of speech in {} of at most {:.0} s: {:.2} s",
        counted(factors.len(), "piece", "pieces"),
        most as f64 / f64::from(SAMPLE_RATE),
        took.as_secs_f64()
    );
    if let (Some(median), Some(worst)) = (factors.get(factors.len() / 2), factors.last()) {
        println!(
            "time taken per second of speech: median {median:.3}, worst {worst:.3} (one thread; under 1 keeps up)"
        );
    }
    Ok(())
}

/// So many samples of the configured voice, which reads the same sentence again and again.
fn speech_of(configuration: &Configuration, language: Language, samples: usize) -> anyhow::Result<Vec<f32>> {
    let voice = voices(configuration).map_err(|error| anyhow!("{error}"))?.into_iter().next();
    let mut voice = voice.context("voice.engine is \"none\": there is no voice to measure with")?;
    let request = SpeechRequest { text: sample_text(language).to_owned(), language, rate: 1.0 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false))?;
    let mut resampler = Resampler::new(clip.sample_rate, SAMPLE_RATE)?;
    let mut once = resampler.push(&clip.samples)?;
    once.extend(resampler.finish()?);
    Ok(once.into_iter().cycle().take(samples).collect())
}

/// What this process holds in memory, in megabytes; `None` where the system does not say (proc(5), `VmRSS`).
fn resident_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::load(Path::new("/nowhere")).unwrap()
    }

    fn ask(what: &str, mirrors: &[&str], sha256: Option<&str>) -> Result<Wanted, Failure> {
        let mirrors: Vec<String> = mirrors.iter().map(|mirror| (*mirror).to_owned()).collect();
        wanted(&registry(), what, &mirrors, sha256, None)
    }

    #[test]
    fn what_is_wanted_is_a_name_an_address_or_a_path() {
        let listed =
            ask("sense-voice", &["https://m.example/x/", "http://n.example/y.tar.bz2"], None).unwrap();
        let urls = &listed.model.files[0].urls;
        assert!(
            urls[0].starts_with("https://m.example/x/sherpa-onnx-sense-voice")
                && urls[0].ends_with(".tar.bz2")
        );
        assert_eq!(urls[1], "http://n.example/y.tar.bz2");
        assert!(urls[2].starts_with("https://github.com/"));
        let address = ask("https://a.example/Some%20Model-1.tar.gz?x=1", &[], Some("ab")).unwrap();
        assert_eq!(address.model.name, "some_20model-1");
        assert_eq!(address.model.files[0].sha256.as_deref(), Some("ab"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ggml-Tiny.bin");
        std::fs::write(&file, "x").unwrap();
        let local = ask(&file.to_string_lossy(), &[], None).unwrap();
        assert_eq!(local.local.as_deref(), Some(file.as_path()));
        assert_eq!(
            (local.model.name.as_str(), local.model.engine.as_deref(), local.model.main.as_deref()),
            ("ggml-tiny", Some("whisper"), Some("ggml-Tiny.bin"))
        );
        for (what, mirrors, hash) in [
            ("no-such-model", &[][..], None),
            ("sense-voice", &["ftp://x"][..], None),
            ("labse", &[][..], Some("ab")),
        ] {
            assert!(matches!(ask(what, mirrors, hash), Err(Failure::Usage(_))), "{what}");
        }
    }

    #[test]
    fn the_lines_that_use_a_model_are_a_configuration_that_reads() {
        let registry = registry();
        let mut with_lines = 0;
        for model in registry.models() {
            let installed = Installed {
                format: String::new(),
                name: model.name.clone(),
                languages: model.languages.clone(),
                licence: String::new(),
                engine: model.engine.clone(),
                main: model.main.clone(),
                origins: Vec::new(),
                installed: String::new(),
                files: Vec::new(),
                left_out: Vec::new(),
            };
            let told = how_to_use(&installed, model.purpose, &Path::new("data/models").join(&model.name));
            let Some(at) = told.find("\n[") else {
                assert!(told.contains("no engine"), "{told}");
                continue;
            };
            with_lines += 1;
            let configuration = Configuration::with(&told[at..]).unwrap();
            assert!(
                configuration.to_toml().unwrap().contains(&format!("data/models/{}", model.name)),
                "{told}"
            );
        }
        assert!(
            with_lines >= 5,
            "Whisper, the Zipformer, the encoder and two voices are loaded by this version"
        );
    }
}
