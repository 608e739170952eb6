//! One caller: a question in each language, keys, interruptions, and a person at another telephone.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ::conversation::EventBody;
use anyhow::{Context, Result};
use kb::Collection;
use language::Language;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{SAMPLE_RATE, SpeechRequest, Synthesizer as _};

use super::{Outcome, Question, key, lacks, outcome, questions};
use crate::bench::Report;
use crate::material::workspace;
use crate::telephone::sound::{RATE, narrow, silence, write_pcap};
use crate::telephone::{
    Action, Baresip, Capture, Hotline, Line, Scenario, Sipp, Stream, pick_ports, rtp_streams,
};
use crate::voices::{between_silences, to_house_rate};
use crate::{Desk, ServerProcess, ServerSettings};

/// One caller.
///
/// # Errors
/// Where a server or a program fails.
pub fn conversation(report: &mut Report) -> Result<()> {
    if lacks(&["sipp", "baresip", "tcpdump"]) {
        return Ok(());
    }
    println!("\nOne caller:");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(telephones(report))?;
    runtime.block_on(interruption(report))?;
    runtime.block_on(transfer(report))
}

/// `baresip` asks in each language, by each codec.
async fn telephones(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    let questions = questions(2)?;
    for (number, (codec, question)) in
        ["PCMA", "PCMU", "G722", "PCMA"].into_iter().zip(&questions).enumerate()
    {
        let phone = Baresip {
            server: hotline.sip,
            port: 15_500 + 40 * number as u16,
            codec,
            folder: hotline.folder().join(format!("baresip-{number}")),
        };
        let rate = if codec == "G722" { SAMPLE_RATE } else { RATE };
        let microphone = at_rate(&between_silences(&question.samples, 5.0, 25.0), rate)?;
        // Yes, where it asks whether it understood; say it again, later.
        let keys = [(Duration::from_secs(13), '1'), (Duration::from_secs(24), '#')];
        let call =
            tokio::task::spawn_blocking(move || phone.call(&microphone, &keys, Duration::from_secs(34)));
        let heard = call.await??;
        let events =
            hotline.wait_for(&heard.call, Duration::from_secs(3), |events| !events.is_empty()).await?;
        let what = format!("baresip, {codec}, a question in {}", name(question.language));
        let answered = outcome(&events, &question.entry) == Outcome::Answered;
        report.at_least(&format!("{what}: answered"), f64::from(u8::from(answered)), 1.0, "share");
        let answers = events.iter().filter(|event| matches!(event.body, EventBody::Answer(_))).count();
        report.at_least(&format!("{what}: answers, the second by the key #"), answers as f64, 2.0, "answers");
        let likeness = likeness(&heard.samples, heard.rate, question)?;
        report.at_least(
            &format!("{what}: correlation of what was heard with the answer's words"),
            likeness,
            0.7,
            "",
        );
    }
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}

fn name(language: Language) -> &'static str {
    match language {
        Language::Bo => "Tibetan",
        Language::Zh => "Chinese",
    }
}

fn at_rate(samples: &[f32], rate: u32) -> Result<Vec<f32>> {
    if rate == SAMPLE_RATE {
        return Ok(samples.to_vec());
    }
    Ok(narrow(samples)?.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect())
}

/// The greatest normalized cross-correlation of what was heard with the first second and a half of the answer as the default voice says it.
fn likeness(heard: &[f32], rate: u32, question: &Question) -> Result<f64> {
    let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    let entry = collection.entries.iter().find(|sourced| sourced.entry.id.0 == question.entry);
    let text = entry.and_then(|sourced| sourced.entry.text(question.language)).context("no such entry")?;
    let words = if text.spoken.is_empty() { &text.written } else { &text.spoken };
    let sentence = assistant::session::sentences(words).into_iter().next().context("nothing to say")?;
    let folder = tempfile::tempdir()?;
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path())?;
    let request = SpeechRequest { text: sentence, language: question.language, rate: 1.0 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false))?;
    let expected = narrow(&to_house_rate(clip)?)?;
    let expected: Vec<f32> =
        expected.into_iter().map(f32::from).skip_while(|sample| sample.abs() < 300.0).collect();
    let expected = &expected[..expected.len().min(RATE as usize * 3 / 2)];
    let heard: Vec<f32> =
        if rate == RATE { heard.to_vec() } else { narrow(heard)?.into_iter().map(f32::from).collect() };
    Ok(correlation(&heard, expected))
}

fn correlation(heard: &[f32], expected: &[f32]) -> f64 {
    let energy: f64 = expected.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let mut best = 0.0_f64;
    for window in heard.windows(expected.len()) {
        let (mut product, mut own) = (0.0_f32, 0.0_f32);
        for (a, b) in window.iter().zip(expected) {
            product += a * b;
            own += a * a;
        }
        if own > 0.0 {
            best = best.max(f64::from(product) / (f64::from(own) * energy).sqrt());
        }
    }
    best
}

/// A caller speaks into the answer: how soon is it quiet, and is the second question answered?
async fn interruption(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    for language in [Language::Zh, Language::Bo] {
        let questions: Vec<Question> =
            questions(3)?.into_iter().filter(|question| question.language == language).collect();
        let [first, second, ..] = &questions[..] else { continue };
        let mut samples = silence(Duration::from_secs(2));
        samples.extend(first.narrow()?);
        // The answer to the first question has begun by then, or it asks whether it understood.
        samples.extend(silence(Duration::from_secs(6)));
        let spoken_at = samples.len();
        samples.extend(second.narrow()?);
        samples.extend(silence(Duration::from_secs(8)));
        let file = hotline.folder().join(format!("interruption-{}.pcap", language.code()));
        write_pcap(&file, &samples, &mut Line::perfect())?;
        let length = Duration::from_secs_f64(samples.len() as f64 / f64::from(RATE));
        let mut scenario = Scenario::new(vec![
            Action::Play(file),
            Action::Wait(length),
            Action::Play(key("1")),
            Action::Wait(Duration::from_secs(3)),
            Action::HangUp,
        ]);
        scenario.headers.push(format!("X-Language: {}", language.code()));
        let filter = format!("udp and portrange {}-{}", hotline.media, hotline.media + hotline.media_ports);
        let capture = Capture::start(&hotline.folder().join("interruption.cap"), &filter)?;
        let call = format!("interruption-{}@test", language.code());
        let mut run = Sipp::one(hotline.sip, 15_600, &call).start(&scenario, &hotline.folder())?;
        run.wait(Duration::from_mins(1)).await?;
        let streams = rtp_streams(&capture.stop()?);
        let events = hotline.wait_for(&call, Duration::from_secs(3), |events| !events.is_empty()).await?;
        let what = format!("a caller speaks {} into the answer", name(language));
        let quiet = quiet_after(&streams, hotline.media, spoken_at);
        report.at_most(&format!("{what}: quiet after"), quiet.unwrap_or(f64::INFINITY), 500.0, "ms");
        let second = outcome(&events, &second.entry) == Outcome::Answered;
        report.at_least(
            &format!("{what}: the second question is answered"),
            f64::from(u8::from(second)),
            1.0,
            "share",
        );
        let told = events.iter().any(|event| matches!(event.body, EventBody::Interrupted(_)));
        report.at_least(
            &format!("{what}: the log knows how far it was heard"),
            f64::from(u8::from(told)),
            1.0,
            "share",
        );
    }
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}

/// How long the hotline went on after the caller began to speak at that sample; the caller's own silence before it does not count.
fn quiet_after(
    streams: &std::collections::BTreeMap<(std::net::SocketAddr, std::net::SocketAddr), Stream>,
    media: u16,
    spoken_at: usize,
) -> Option<f64> {
    let down =
        streams.iter().find(|((from, _), _)| from.port() >= media && from.port() < media + 200)?.1.loudness();
    let up = streams.iter().find(|((_, to), _)| to.port() >= media && to.port() < media + 200)?.1.loudness();
    let begins = up.iter().skip(spoken_at / 160).find(|(_, loud)| *loud > 300.0)?.0;
    // A tenth of a second without anything is quiet.
    let after: Vec<_> = down.iter().filter(|(at, _)| *at >= begins).collect();
    let quiet = after.windows(5).find(|window| window.iter().all(|(_, loud)| *loud < 60.0))?[0].0;
    Some((quiet.as_secs_f64() - begins.as_secs_f64()) * 1_000.0)
}

/// An agent's telephone: `sipp`'s own answering scenario.
struct AgentsTelephone {
    child: Child,
    messages: std::path::PathBuf,
}

impl AgentsTelephone {
    fn start(port: u16, folder: &Path) -> Result<Self> {
        let messages = folder.join("agent.msg");
        let child = Command::new("sipp")
            .current_dir(folder)
            .args([
                "-sn",
                "uas",
                "-i",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-m",
                "1",
                "-nostdin",
                "-trace_msg",
            ])
            .arg("-message_file")
            .arg(&messages)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, messages })
    }

    fn messages(&self) -> String {
        std::fs::read_to_string(&self.messages).unwrap_or_default()
    }
}

impl Drop for AgentsTelephone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A caller wants a person. The PBX (which `sipp` plays) is told to whom, and by which id the conversation is known; it calls the agent's telephone with
/// that id, as a dial plan does, and the agent's screen finds the conversation by it.
async fn transfer(report: &mut Report) -> Result<()> {
    let (sip, media) = pick_ports(100)?;
    let agent = 15_700;
    let configuration = format!(
        "[telephone.transfer]\nbo = \"900\"\nzh = \"sip:900@127.0.0.1:{agent}\"\n[telephone.sip]\nudp = \"127.0.0.1:{sip}\"\n\
         media_address = \"127.0.0.1\"\nfirst_port = {media}\nlast_port = {}\n[[telephone.sip.trunks]]\nname = \"pbx\"\n\
         peers = [\"127.0.0.0/8\"]\n",
        media + 99
    );
    let server = ServerProcess::start(&ServerSettings { configuration, ..ServerSettings::default() }).await?;
    let password = server.add_agent("dolma")?;
    let folder = tempfile::tempdir()?;
    for (code, worked) in [(200_u16, "works"), (486, "fails: the agent is busy")] {
        let actions = vec![
            Action::Wait(Duration::from_secs(2)),
            Action::Play(key("0")),
            Action::BeReferred(code),
            if code == 200 { Action::BeHungUp } else { Action::Wait(Duration::from_secs(6)) },
        ];
        let mut actions = actions;
        if code != 200 {
            actions.push(Action::HangUp);
        }
        let mut scenario = Scenario::new(actions);
        scenario.headers.extend(["X-Language: zh".to_owned(), format!("X-Call-UUID: pbx-call-{code}")]);
        let mut run =
            Sipp::one(sip, 15_710, &format!("transfer-{code}@test")).start(&scenario, folder.path())?;
        let ended = run.wait(Duration::from_mins(1)).await?;
        if !ended {
            println!("    sipp: {}", run.errors());
        }
        let trace = run.messages();
        let header = |name: &str| {
            trace.lines().find_map(|line| {
                line.strip_prefix(name)?.strip_prefix(':').map(|rest| rest.trim().to_owned())
            })
        };
        let what = format!("a transfer that {worked}");
        report.at_least(&format!("{what}: as the PBX expects"), f64::from(u8::from(ended)), 1.0, "share");
        let named = header("Refer-To").is_some_and(|target| target.contains("900"));
        let refer = trace.split("REFER ").nth(1).unwrap_or_default();
        let id =
            refer.lines().find_map(|line| line.strip_prefix("X-Call-UUID:")).map(|id| id.trim().to_owned());
        // The dialog's own line names the caller, who is its other end; nothing else may.
        let personal = refer
            .lines()
            .skip(1)
            .take_while(|line| !line.trim().is_empty())
            .any(|line| line.contains("13800001234") && !line.starts_with("To:"));
        if personal || !named {
            println!(
                "    REFER {}",
                refer.lines().take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" | ")
            );
        }
        let good = named && id.as_deref() == Some(&format!("pbx-call-{code}")) && !personal;
        report.at_least(
            &format!("{what}: REFER names the target and the id, and no number"),
            f64::from(u8::from(good)),
            1.0,
            "share",
        );
        let desk = Desk::login_at(&server.http(), "dolma", &password).await?;
        let (status, view) = desk.try_get(&format!("../handoffs/pbx-call-{code}")).await?;
        let kinds: Vec<&str> = view["events"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|event| event["type"].as_str())
            .collect();
        if code == 200 {
            taken(report, &what, agent, id.as_deref(), folder.path()).await?;
            let found = status == 200 && kinds.contains(&"escalated") && kinds.contains(&"call");
            report.at_least(
                &format!("{what}: the agent's screen finds the conversation"),
                f64::from(u8::from(found)),
                1.0,
                "share",
            );
        } else {
            let events = view["events"].as_array().into_iter().flatten();
            let happened: Vec<&str> = events.filter_map(|event| event["happened"].as_str()).collect();
            let kept = happened.contains(&"transfer_failed") && happened.contains(&"hung_up");
            report.at_least(
                &format!("{what}: the caller was taken back, and it is in the log"),
                f64::from(u8::from(kept)),
                1.0,
                "share",
            );
        }
    }
    Ok(())
}

/// The PBX's dial plan calls the agent's telephone, and sends the id along.
async fn taken(report: &mut Report, what: &str, agent: u16, id: Option<&str>, folder: &Path) -> Result<()> {
    let telephone = AgentsTelephone::start(agent, folder)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut leg = Scenario::new(vec![Action::Wait(Duration::from_millis(300)), Action::HangUp]);
    leg.headers.extend(id.iter().map(|id| format!("X-Call-UUID: {id}")));
    let mut call = Sipp::one(agent, 15_720, "leg@test").start(&leg, folder)?;
    call.wait(Duration::from_secs(20)).await?;
    let seen = telephone.messages().contains("X-Call-UUID: pbx-call-200");
    report.at_least(
        &format!("{what}: the agent's telephone sees the id"),
        f64::from(u8::from(seen)),
        1.0,
        "share",
    );
    Ok(())
}
