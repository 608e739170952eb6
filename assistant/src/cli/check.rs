//! `assistant check`: what is missing or wrong, in plain words, and what to do about it.

use std::{
    fmt::{Display, Write as _},
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use conversation::SystemClock;
use kb::SentenceEncoder;
use language::Language;
use speech::runtime::OnnxRuntime;

use super::{Failure, Outcome, block_on, counted};
use crate::{
    config::{Configuration, Engine, VoiceEngine},
    encoder,
    knowledge::{self, Brain},
    server::open_store,
    workers::{engines::Loader, voices},
};

/// One thing that was looked at.
struct Finding {
    what: String,
    outcome: Result<String, Trouble>,
}

/// Something is wrong.
struct Trouble {
    what: String,
    remedy: String,
    /// The server starts without it.
    can_serve: bool,
}

pub(super) fn run(configuration: &Configuration) -> Outcome {
    let mut findings = vec![data(configuration), store(configuration)?, knowledge(configuration)];
    findings.extend(sentence_encoder(configuration));
    findings.extend(hearing(configuration));
    findings.extend(voice(configuration));
    findings.push(port(configuration.server.listen));
    findings.push(tls(configuration));
    let (mut fatal, mut lacking) = (0, 0);
    for Finding { what, outcome } in &findings {
        match outcome {
            Ok(detail) => println!("ok       {what}: {detail}"),
            Err(trouble) => {
                println!(
                    "{}  {what}: {}",
                    if trouble.can_serve { "MISSING" } else { "WRONG  " },
                    trouble.what
                );
                println!("         → {}", trouble.remedy);
                if trouble.can_serve { lacking += 1 } else { fatal += 1 }
            }
        }
    }
    match (fatal, lacking) {
        (0, 0) => println!("\nEverything is in place."),
        (0, _) => println!("\nThe server starts, but not everything works: see MISSING above."),
        _ => println!("\nThe server cannot start: see WRONG above."),
    }
    if fatal + lacking == 0 { Ok(()) } else { Err(Failure::Said) }
}

fn fine(what: &str, detail: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), outcome: Ok(detail.into()) }
}

fn wrong(what: &str, trouble: impl Display, remedy: &str) -> Finding {
    let trouble = Trouble { what: trouble.to_string(), remedy: remedy.to_owned(), can_serve: false };
    Finding { what: what.to_owned(), outcome: Err(trouble) }
}

fn missing(what: &str, trouble: impl Display, remedy: &str) -> Finding {
    let trouble = Trouble { what: trouble.to_string(), remedy: remedy.to_owned(), can_serve: true };
    Finding { what: what.to_owned(), outcome: Err(trouble) }
}

fn data(configuration: &Configuration) -> Finding {
    let folder = &configuration.server.data;
    let probe = folder.join(".check");
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&probe, b""))
        .and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => fine("data folder", format!("{} can be written", folder.display())),
        Err(error) => wrong(
            "data folder",
            format!("{} cannot be written: {error}", folder.display()),
            "let this user write there, or set server.data to another folder",
        ),
    }
}

fn store(configuration: &Configuration) -> Result<Finding, Failure> {
    let outcome = block_on(async {
        let store =
            open_store(configuration, Arc::new(SystemClock)).await.map_err(|error| error.to_string())?;
        store.check().await.map_err(|error| error.to_string())?;
        let agents = store.agents().await.map_err(|error| error.to_string())?.len();
        store.close().await;
        Ok::<_, String>(agents)
    })?;
    Ok(match outcome {
        Ok(0) => fine("conversations", "the database is in order; the first start makes an agent"),
        Ok(agents) => {
            let agents = counted(agents, "agent", "agents");
            fine("conversations", format!("the database is in order; {agents}"))
        }
        Err(error) => wrong(
            "conversations",
            error,
            "use a local disk with free space; see docs/configuration.md, server.data",
        ),
    })
}

fn knowledge(configuration: &Configuration) -> Finding {
    let folder = knowledge::folder(configuration);
    match Brain::open(&folder, configuration) {
        Ok(brain) => {
            let entries = brain.publication().entries();
            let lacks = |language| entries.iter().filter(|entry| entry.text(language).is_none()).count();
            let mut detail =
                format!("{} from {}", counted(entries.len(), "entry", "entries"), folder.display());
            for language in Language::ALL {
                if lacks(language) > 0 {
                    // Writing into a String cannot fail.
                    let _ = write!(detail, "; {} without {language}", lacks(language));
                }
            }
            if brain.is_sample() {
                detail += "; SAMPLE content, not for real service";
            }
            fine("knowledge base", detail)
        }
        Err(error) => wrong(
            "knowledge base",
            error,
            "`assistant kb check PATH` names every problem; `assistant kb import PATH` replaces it",
        ),
    }
}

fn sentence_encoder(configuration: &Configuration) -> Option<Finding> {
    let what = "sentence encoder";
    match encoder::open(configuration) {
        Ok(None) => None,
        Ok(Some(encoder)) => {
            Some(fine(what, format!("{}, {} dimensions", encoder.name(), encoder.dimensions())))
        }
        Err(error) => Some(missing(
            what,
            error,
            "see understanding.encoder in docs/configuration.md; without it questions are compared by words, sounds and \
             concepts",
        )),
    }
}

fn hearing(configuration: &Configuration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let needs_onnx = Language::ALL.into_iter().any(|language| {
        engines(configuration, language).iter().any(|engine| matches!(engine, Engine::Ctc { .. }))
    });
    if needs_onnx {
        findings.push(match OnnxRuntime::load(configuration.hearing.runtime.as_deref()) {
            Ok(_) => fine("ONNX Runtime", "loaded"),
            Err(error) => {
                missing("ONNX Runtime", error, "run `make setup`; without it the assistant hears nothing")
            }
        });
    }
    let (mut set, lacking) = Loader::new(&configuration.hearing).load();
    for language in Language::ALL {
        let what = format!("hearing {language}");
        if let Some(engine) = set.get(language) {
            let dictation = if engine.capabilities().dictation {
                "writes what was said"
            } else {
                "cannot take dictation: finds the nearest known question"
            };
            findings.push(fine(&what, format!("{}; {dictation}", engine.name())));
        } else if engines(configuration, language).is_empty() {
            findings.push(fine(&what, "switched off (no engines are configured)"));
        }
    }
    findings.extend(lacking.iter().map(|lack| {
        missing(&format!("hearing {}", lack.language), &lack.reason, "see hearing in docs/configuration.md")
    }));
    findings
}

fn engines(configuration: &Configuration, language: Language) -> &[Engine] {
    match language {
        Language::Bo => &configuration.hearing.bo.engines,
        Language::Zh => &configuration.hearing.zh.engines,
    }
}

fn voice(configuration: &Configuration) -> Vec<Finding> {
    if configuration.voice.engine == VoiceEngine::None {
        return vec![fine("voice", "switched off (voice.engine is \"none\")")];
    }
    let voices = voices::load(configuration);
    let loaded = voices.chains.first().map(|chain| fine("voice", chain.name()));
    let lacking = voices.missing.iter().map(|lack| {
        let what = format!("voice {} ({})", lack.language, lack.key);
        missing(
            &what,
            &lack.reason,
            "see docs/voice.md; espeak-ng comes with `apt-get install espeak-ng`, or set voice.program to its path",
        )
    });
    loaded.into_iter().chain(lacking).collect()
}

fn port(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => fine("address", format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => wrong(
            "address",
            format!("{address} is in use"),
            "if that is a running assistant, all is well; otherwise set server.listen to another port",
        ),
        Err(error) => {
            wrong("address", format!("{address}: {error}"), "set server.listen to an address of this machine")
        }
    }
}

fn tls(configuration: &Configuration) -> Finding {
    let Some(tls) = &configuration.server.tls else {
        return if configuration.server.listen.ip().is_loopback() {
            fine("TLS", "not needed: only this machine can connect")
        } else {
            missing(
                "TLS",
                "none, and the server listens for other machines; browsers give no microphone to pages without TLS",
                "set server.tls.certificate and server.tls.key, or put a proxy with TLS before it",
            )
        };
    };
    for (path, mark) in [(&tls.certificate, "CERTIFICATE"), (&tls.key, "PRIVATE KEY")] {
        if let Err(error) = holds(path, mark) {
            let text = format!("{}: {error}", path.display());
            return wrong("TLS", text, "give PEM files that this user may read");
        }
    }
    fine("TLS", format!("{} and {}", tls.certificate.display(), tls.key.display()))
}

fn holds(path: &Path, mark: &str) -> io::Result<()> {
    if fs::read_to_string(path)?.contains(mark) {
        Ok(())
    } else {
        Err(io::Error::other(format!("holds no {mark}")))
    }
}
