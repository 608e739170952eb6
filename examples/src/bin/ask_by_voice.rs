//! Asks a recorded question at real-time pace, prints what comes back and saves the spoken answer.
//!
//! ```text
//! cargo run -p examples --bin ask-by-voice -- question.wav --language bo --save answer.wav
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use examples::{Client, Message, StartOptions};
use serde_json::{Value, json};

#[derive(Parser)]
#[command(about = "Asks a recorded question over the portal protocol and saves the spoken answer")]
struct Arguments {
    /// The question: a mono or stereo 16-bit WAV file of 16 kHz.
    wav: PathBuf,
    /// The conversation's language: bo or zh.
    #[arg(long, default_value = "zh")]
    language: String,
    /// Where the assistant listens.
    #[arg(long, default_value = "ws://127.0.0.1:8080/v1/conversation")]
    url: String,
    /// Where to save the spoken answer, as WAV.
    #[arg(long, default_value = "answer.wav")]
    save: PathBuf,
    /// Answer "yes" when the assistant asks "did you ask …?".
    #[arg(long)]
    confirm: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let question = read_wav(&arguments.wav)?;
    let mut client = Client::connect(&arguments.url).await?;
    let welcome = client.start(&StartOptions::voice(&arguments.language)).await?;
    println!("conversation {}", welcome["conversation"].as_str().unwrap_or("?"));
    client.speak(&question, true).await?;

    let mut sound = Vec::new();
    let mut decided = false;
    loop {
        match client.next().await? {
            Message::Audio(bytes) => sound.extend(bytes),
            Message::Closed(code) => bail!("the server closed the connection ({code})"),
            Message::Json(message) => {
                print(&message);
                match message["type"].as_str().unwrap_or_default() {
                    "clarify" if arguments.confirm => {
                        let id = uuid_like(&message);
                        client
                            .send(json!({"type": "choose", "id": id, "clarify_seq": message["seq"], "choice": 1}))
                            .await?;
                        sound.clear();
                    }
                    "answer" | "clarify" | "say" | "escalated" => decided = true,
                    "audio_end" if decided && message["interrupted"] == false => break,
                    "error" => bail!("{}", message["message"].as_str().unwrap_or("unknown error")),
                    _ => {}
                }
            }
        }
    }
    save_wav(&arguments.save, &sound)?;
    println!("the answer's sound is in {}", arguments.save.display());
    client.close().await
}

/// An id for our reply that stays the same if it is sent again.
fn uuid_like(message: &Value) -> String {
    format!("reply-to-{}", message["seq"])
}

fn print(message: &Value) {
    let kind = message["type"].as_str().unwrap_or("?");
    match kind {
        "partial" | "final" | "citizen_message" | "say" | "escalated" => {
            println!("{kind:>16}  {}", message["text"].as_str().unwrap_or_default());
        }
        "answer" => println!(
            "{kind:>16}  {} ({:.0} %)\n{:>16}  {}",
            message["question"].as_str().unwrap_or_default(),
            message["confidence"].as_f64().unwrap_or_default() * 100.0,
            "",
            message["text"].as_str().unwrap_or_default()
        ),
        "clarify" => {
            println!("{kind:>16}  {}", message["prompt"].as_str().unwrap_or_default());
            for (n, choice) in message["choices"].as_array().into_iter().flatten().enumerate() {
                println!("{:>16}  {}. {}", "", n + 1, choice["question"].as_str().unwrap_or_default());
            }
        }
        "mark" => println!("{kind:>16}  {}", message["text"].as_str().unwrap_or_default()),
        _ => println!("{kind:>16}"),
    }
}

fn read_wav(path: &Path) -> Result<Vec<i16>> {
    let mut reader = hound::WavReader::open(path)
        .with_context(|| format!("{} is not a WAV file that can be read", path.display()))?;
    let spec = reader.spec();
    if spec.sample_rate != 16_000
        || spec.bits_per_sample != 16
        || spec.sample_format != hound::SampleFormat::Int
    {
        bail!(
            "{} has {} Hz and {} bits; this example sends 16 kHz, 16 bit (sox {0} -r 16000 -b 16 -c 1 out.wav)",
            path.display(),
            spec.sample_rate,
            spec.bits_per_sample
        );
    }
    let channels = usize::from(spec.channels);
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    Ok(samples.chunks(channels).map(|frame| frame[0]).collect())
}

fn save_wav(path: &Path, pcm: &[u8]) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for pair in pcm.chunks_exact(2) {
        writer.write_sample(i16::from_le_bytes([pair[0], pair[1]]))?;
    }
    Ok(writer.finalize()?)
}
