//! Everything that can go wrong with a call, beside a call that must not notice.

use std::net::UdpSocket;
use std::time::Duration;

use ::conversation::{CallHappened, ClosedBy, Event, EventBody};
use anyhow::Result;
use language::Language;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{Outcome, Question, key, lacks, outcome, questions};
use crate::bench::Report;
use crate::telephone::{
    Action, Capture, Hotline, Line, Scenario, Sipp, SippRun, Stream, pick_ports, rtp_streams,
};
use crate::{Desk, ServerProcess, ServerSettings};

/// Faults.
///
/// # Errors
/// Where a server or a program fails for another reason than the fault.
pub fn faults(report: &mut Report) -> Result<()> {
    if lacks(&["sipp", "tcpdump"]) {
        return Ok(());
    }
    println!("\nFaults:");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(lines(report))?;
    runtime.block_on(floods(report))?;
    runtime.block_on(strangers(report))?;
    runtime.block_on(restart(report))
}

fn yes(report: &mut Report, figure: &str, is: bool) {
    report.at_least(figure, f64::from(u8::from(is)), 1.0, "share");
}

fn happened(events: &[Event], what: CallHappened) -> bool {
    events.iter().any(|event| matches!(&event.body, EventBody::Call(call) if call.happened == what))
}

/// A caller who asks their question in peace, or should.
fn undisturbed(hotline: &Hotline, question: &Question, number: u16) -> Result<SippRun> {
    let file = hotline.folder().join(format!("undisturbed-{number}.pcap"));
    let length =
        question.play(&file, Duration::from_secs(2), Duration::from_secs(9), &mut Line::perfect())?;
    let mut scenario = Scenario::new(vec![
        Action::Play(file),
        Action::Wait(length),
        Action::Play(key("1")),
        Action::Wait(Duration::from_secs(4)),
        Action::HangUp,
    ]);
    scenario.headers.push(format!("X-Language: {}", question.language.code()));
    Sipp::one(hotline.sip, 15_800 + 10 * number, &format!("undisturbed-{number}@test"))
        .start(&scenario, &hotline.folder())
}

/// Calls that end badly: the PBX is gone, no more sound comes, the caller hangs up in the middle of the answer.
async fn lines(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("silence = \"3s\"\n").await?;
    let question = &questions(1)?[..];
    let zh = question.iter().find(|question| question.language == Language::Zh).unwrap_or(&question[0]);
    let bo = question.iter().find(|question| question.language == Language::Bo).unwrap_or(&question[0]);
    let mut peaceful = undisturbed(&hotline, bo, 0)?;

    let folder = hotline.folder();
    let talk = |name: &str| -> Result<(std::path::PathBuf, Duration)> {
        let file = folder.join(format!("{name}.pcap"));
        let length = zh.play(&file, Duration::from_secs(2), Duration::from_secs(3), &mut Line::perfect())?;
        Ok((file, length))
    };
    let (file, length) = talk("vanishes")?;
    let scenario = |actions| {
        let mut scenario = Scenario::new(actions);
        scenario.headers.push("X-Language: zh".to_owned());
        scenario
    };
    let minute = Duration::from_mins(1);
    let mut vanishes = Sipp::one(hotline.sip, 15_830, "vanishes@test")
        .start(&scenario(vec![Action::Play(file.clone()), Action::Wait(minute), Action::HangUp]), &folder)?;
    let mut stops = Sipp::one(hotline.sip, 15_840, "stops@test")
        .start(&scenario(vec![Action::Play(file.clone()), Action::BeHungUp]), &folder)?;
    let mut leaves = Sipp::one(hotline.sip, 15_850, "leaves@test")
        .start(&scenario(vec![Action::Play(file), Action::Wait(length), Action::HangUp]), &folder)?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    vanishes.kill()?;

    let lost = |events: &[Event]| happened(events, CallHappened::Lost);
    let events = hotline.wait_for("vanishes@test", Duration::from_secs(15), lost).await?;
    yes(report, "the PBX vanishes: the call ends by itself, and the log says why", lost(&events));
    let ended = stops.wait(Duration::from_secs(30)).await?;
    let events = hotline.wait_for("stops@test", Duration::from_secs(10), lost).await?;
    yes(report, "no sound comes any more: BYE, and the log says why", ended && lost(&events));
    leaves.wait(minute).await?;
    let closed = |events: &[Event]| {
        events.iter().any(|event| matches!(&event.body, EventBody::Closed(c) if c.by == ClosedBy::Citizen))
    };
    let events = hotline.wait_for("leaves@test", Duration::from_secs(10), closed).await?;
    let good = closed(&events)
        && happened(&events, CallHappened::HungUp)
        && outcome(&events, &zh.entry) == Outcome::Answered;
    yes(report, "BYE in the middle of the answer: the conversation is closed, with its answer", good);
    peaceful.wait(minute).await?;
    let events =
        hotline.wait_for("undisturbed-0@test", Duration::from_secs(3), |events| !events.is_empty()).await?;
    yes(report, "… another call is answered meanwhile", outcome(&events, &bo.entry) == Outcome::Answered);
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}

/// More calls than anybody makes, and rubbish on every port.
async fn floods(report: &mut Report) -> Result<()> {
    let hotline = Hotline::start("").await?;
    let question = &questions(1)?[..];
    let [first, second, ..] = question else { anyhow::bail!("no questions") };
    tokio::time::sleep(Duration::from_secs(8)).await;

    let filter = format!("udp and src portrange {}-{}", hotline.media, hotline.media + hotline.media_ports);
    let capture = Capture::start(&hotline.folder().join("flood.cap"), &filter)?;
    let mut peaceful = undisturbed(&hotline, first, 1)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let flood = Scenario::new(vec![Action::Wait(Duration::from_secs(1)), Action::HangUp]);
    let flood = Sipp {
        server: hotline.sip,
        port: 15_900,
        media: 34_000,
        calls: 3_000,
        at_once: 1_000,
        per_second: 600,
        call_id: "flood-%u@test".to_owned(),
    }
    .start(&flood, &hotline.folder())?;
    peaceful.wait(Duration::from_mins(1)).await?;
    let messages = flood.messages();
    drop(flood);
    let streams = rtp_streams(&capture.stop()?);
    let longest = streams.values().max_by_key(|stream| stream.packets.len());
    let late: Vec<f64> = longest.map(Stream::lateness_ms).unwrap_or_default();
    let in_slot = late.iter().filter(|ms| ms.abs() <= 5.0).count();
    let events =
        hotline.wait_for("undisturbed-1@test", Duration::from_secs(3), |events| !events.is_empty()).await?;
    let refused = messages.matches("SIP/2.0 503").count();
    report.tell("600 INVITEs a second: refused with 503", refused as f64, "calls");
    yes(report, "… refused, with the time to try again", refused > 0 && messages.contains("Retry-After"));
    yes(
        report,
        "… a call that was there before is answered",
        outcome(&events, &first.entry) == Outcome::Answered,
    );
    report.at_least(
        "… its packets within 5 ms of their slot",
        in_slot as f64 / late.len().max(1) as f64,
        0.99,
        "share",
    );

    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut peaceful = undisturbed(&hotline, second, 2)?;
    let (sip, media, ports) = (hotline.sip, hotline.media, hotline.media_ports);
    let rubbish = tokio::task::spawn_blocking(move || rubbish(sip, media, ports));
    peaceful.wait(Duration::from_mins(1)).await?;
    let sent = rubbish.await??;
    let events =
        hotline.wait_for("undisturbed-2@test", Duration::from_secs(3), |events| !events.is_empty()).await?;
    report.tell("rubbish on the ports of SIP and media", sent as f64, "datagrams");
    yes(report, "… a call is answered meanwhile", outcome(&events, &second.entry) == Outcome::Answered);
    hotline.server.shutdown().await.map_err(anyhow::Error::msg)
}

/// Random bytes, and SIP and RTP with a few bytes changed, to all ports, for ten seconds.
fn rubbish(sip: u16, media: u16, ports: u16) -> Result<usize> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut random = StdRng::seed_from_u64(7);
    let invite = format!(
        "INVITE sip:1@127.0.0.1:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:1@127.0.0.1>\r\nCall-ID: rubbish\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n"
    );
    let mut sent = 0;
    for _ in 0..1_000 {
        let mut bytes = if random.random_bool(0.5) { invite.clone().into_bytes() } else { vec![0x80; 172] };
        for _ in 0..random.random_range(1..20) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        let (port, length) = (media + random.random_range(0..ports), random.random_range(0..=bytes.len()));
        socket.send_to(&bytes, ("127.0.0.1", sip))?;
        socket.send_to(&bytes[..length], ("127.0.0.1", port))?;
        sent += 2;
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(sent)
}

/// Nobody who is not known gets in.
async fn strangers(report: &mut Report) -> Result<()> {
    let (sip, media) = pick_ports(20)?;
    for (name, peers, password, expected) in [
        ("a caller whom no trunk knows", "192.0.2.0/24", "", "SIP/2.0 403"),
        (
            "a trunk with a password, no digest",
            "127.0.0.0/8",
            "user = \"pbx\"\npassword = \"secret\"\n",
            "SIP/2.0 401",
        ),
    ] {
        let configuration = format!(
            "[telephone.sip]\nudp = \"127.0.0.1:{sip}\"\nmedia_address = \"127.0.0.1\"\nfirst_port = {media}\nlast_port = {}\n\
             [[telephone.sip.trunks]]\nname = \"far\"\npeers = [\"{peers}\"]\n{password}",
            media + 19
        );
        let server =
            ServerProcess::start(&ServerSettings { configuration, ..ServerSettings::default() }).await?;
        let folder = tempfile::tempdir()?;
        let scenario = Scenario::new(vec![Action::HangUp]);
        let mut run = Sipp::one(sip, 15_950, "stranger@test").start(&scenario, folder.path())?;
        let went_through = run.wait(Duration::from_secs(20)).await?;
        let refused = run.messages().contains(expected) && !went_through;
        yes(report, &format!("{name}: refused"), refused);
        drop(server);
    }
    Ok(())
}

/// The server is killed during a call in which somebody waits for a person.
async fn restart(report: &mut Report) -> Result<()> {
    let (sip, media) = pick_ports(20)?;
    let configuration = format!(
        "[telephone.sip]\nudp = \"127.0.0.1:{sip}\"\nmedia_address = \"127.0.0.1\"\nfirst_port = {media}\nlast_port = {}\n\
         [[telephone.sip.trunks]]\nname = \"pbx\"\npeers = [\"127.0.0.0/8\"]\n",
        media + 19
    );
    let mut server =
        ServerProcess::start(&ServerSettings { configuration, ..ServerSettings::default() }).await?;
    let password = server.add_agent("dolma")?;
    let folder = tempfile::tempdir()?;
    let question = &questions(1)?[..];
    let zh = question.iter().find(|question| question.language == Language::Zh).unwrap_or(&question[0]);
    let file = folder.path().join("restart.pcap");
    let length = zh.play(&file, Duration::from_secs(2), Duration::from_secs(3), &mut Line::perfect())?;
    let mut scenario = Scenario::new(vec![
        Action::Play(file),
        Action::Wait(length),
        Action::Play(key("0")),
        Action::Wait(Duration::from_mins(1)),
        Action::HangUp,
    ]);
    scenario.headers.push("X-Language: zh".to_owned());
    let run = Sipp::one(sip, 15_960, "restart@test").start(&scenario, folder.path())?;
    tokio::time::sleep(length + Duration::from_secs(5)).await;
    server.kill_and_restart().await?;
    drop(run);
    let desk = Desk::login_at(&server.http(), "dolma", &password).await?;
    let (status, view) = desk.try_get("../handoffs/restart@test").await?;
    let kinds: Vec<&str> =
        view["events"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect();
    let kept = status == 200
        && ["citizen_message", "answer", "escalated"].iter().all(|kind| kinds.contains(kind))
        && view["status"] == "queued";
    if !kept {
        println!("    {status} {} {kinds:?}", view["status"]);
    }
    yes(
        report,
        "the server is killed during a call: question, answer and the place in the queue are kept",
        kept,
    );
    let mut again = Sipp::one(sip, 15_970, "again@test")
        .start(&Scenario::new(vec![Action::Wait(Duration::from_secs(1)), Action::HangUp]), folder.path())?;
    yes(report, "… and calls are taken again", again.wait(Duration::from_secs(20)).await?);
    Ok(())
}
