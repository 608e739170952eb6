//! `baresip` as a telephone: it plays a file as its microphone, keeps what it hears, and presses keys.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use speech::codec::wav;

/// Where Debian keeps its modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// A telephone.
#[derive(Clone, Debug)]
pub struct Baresip {
    /// Where the hotline listens.
    pub server: u16,
    /// Its own port; media begin ten above it.
    pub port: u16,
    /// The codec that it offers: `PCMA`, `PCMU` or `G722`.
    pub codec: &'static str,
    /// Its folder.
    pub folder: PathBuf,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The call's id.
    pub call: String,
    /// What was heard, in [-1, 1].
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
    /// What it wrote.
    pub log: String,
}

impl Baresip {
    const fn rate(&self) -> u32 {
        if self.codec.len() == 4 && self.codec.as_bytes()[0] == b'G' { 16_000 } else { 8_000 }
    }

    fn configure(&self, source: &Path) -> Result<()> {
        let (rate, port) = (self.rate(), self.port);
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_max_calls 4\naudio_player aubridge,nil\naudio_alert aubridge,nil\n\
             audio_source aufile,{}\nausrc_srate {rate}\nauplay_srate {rate}\nausrc_channels 1\nauplay_channels 1\naudio_level no\n\
             rtp_ports {}-{}\njitter_buffer_delay 5-10\nrtcp_mux no\nrtp_stats yes\nmodule_path {MODULES}\n\
             module stdio.so\nmodule g711.so\nmodule g722.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
             module_tmp account.so\nmodule_app menu.so\nsndfile_path {}\n",
            source.display(),
            port + 10,
            port + 20,
            self.folder.display(),
        );
        std::fs::write(self.folder.join("config"), config)?;
        let account = format!(
            "<sip:13800001234@127.0.0.1;transport=udp>;regint=0;audio_codecs={}/{rate}/1;answermode=manual\n",
            self.codec
        );
        std::fs::write(self.folder.join("accounts"), account)?;
        std::fs::write(self.folder.join("contacts"), "")?;
        Ok(())
    }

    /// Calls, plays the samples (at 8 kHz, or 16 for G.722), presses keys at their times, and hangs up after that long.
    ///
    /// # Errors
    /// Where it is not installed, or the call was not answered.
    pub fn call(&self, microphone: &[f32], keys: &[(Duration, char)], length: Duration) -> Result<Heard> {
        std::fs::create_dir_all(&self.folder)?;
        let source = self.folder.join("microphone.wav");
        std::fs::write(&source, wav::encode(microphone, self.rate())?)?;
        self.configure(&source)?;
        let mut child = Command::new("baresip")
            .current_dir(&self.folder)
            .args(["-4", "-s", "-f"])
            .arg(&self.folder)
            .args(["-e", &format!("/dial sip:12345@127.0.0.1:{}", self.server)])
            .args(["-t", &length.as_secs().to_string()])
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(self.folder.join("log"))?)
            .stderr(Stdio::null())
            .spawn()
            .context("baresip cannot be run (Debian: baresip-core)")?;
        // Its standard input must stay open, or it takes the end for a wish to stop.
        let mut keyboard = child.stdin.take().context("no standard input")?;
        let begun = Instant::now();
        for (at, key) in keys {
            std::thread::sleep(at.saturating_sub(begun.elapsed()));
            keyboard.write_all(key.to_string().as_bytes())?;
            keyboard.flush()?;
        }
        child.wait()?;
        drop(keyboard);
        let log = String::from_utf8_lossy(&std::fs::read(self.folder.join("log"))?).into_owned();
        ensure!(log.contains("Call established"), "the call was not answered:\n{log}");
        let call = log
            .lines()
            .find_map(|line| line.trim().strip_prefix("Call-ID:").map(|id| id.trim().to_owned()))
            .context("no Call-ID in baresip's trace")?;
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        let bytes = std::fs::read(files.last().context("baresip kept no sound")?)?;
        Ok(Heard { call, samples: samples(&bytes)?, rate: self.rate(), log })
    }
}

/// The 16-bit samples of a WAV file whose header was never finished, as `sndfile` may leave it.
fn samples(bytes: &[u8]) -> Result<Vec<f32>> {
    let at = bytes.windows(4).position(|window| window == b"data").context("no samples in the file")? + 8;
    let (pairs, _) = bytes.get(at..).unwrap_or_default().as_chunks::<2>();
    Ok(pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect())
}
