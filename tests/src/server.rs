//! One real server process with a data directory of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::material::workspace;

/// What differs from the defaults.
#[derive(Clone, Debug, Default)]
pub struct ServerSettings {
    /// The knowledge base to import; the sample one where absent.
    pub knowledge: Option<PathBuf>,
    /// Further lines for `assistant.toml`, after the ones the harness writes: whole groups that it does not set.
    pub configuration: String,
    /// A library that takes notes of what has not been synced, for power cuts.
    pub power_cut: Option<PathBuf>,
    /// The database that it shares with other nodes; a file of its own where absent.
    pub shared: Option<Shared>,
    /// A library that fills the disk and moves the clock ([`crate::faults`]).
    pub faults: Option<PathBuf>,
}

/// What nodes share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The address of the PostgreSQL database.
    pub database: String,
    /// The file of the master key.
    pub key_file: PathBuf,
}

/// A running `assistant serve`. Killed when dropped.
pub struct ServerProcess {
    child: Child,
    directory: TempDir,
    preloaded: Preloaded,
    port: u16,
    /// Time from the start of the process until `/readyz` said yes.
    pub cold_start: Duration,
}

/// The binary under test, beside this test's own.
fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .map(|folder| folder.join("assistant"))
        .find(|candidate| candidate.is_file())
        .context("target/debug/assistant is missing: build it first (cargo build -p assistant)")?;
    Ok(found)
}

impl ServerProcess {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// Where it does not become ready within four minutes, which a machine that does other work may need; its log is in the message.
    pub async fn start(settings: &ServerSettings) -> Result<Self> {
        // The HTTP client is built without a choice of cryptography; an error means that it was chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let knowledge =
            settings.knowledge.clone().unwrap_or_else(|| workspace().join("examples/knowledge/sample"));
        let configuration = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata = \"{}\"\n[knowledge]\npath = \"{}\"\n{}",
            directory.path().join("data").display(),
            knowledge.display(),
            settings.configuration
        );
        let shared = settings.shared.as_ref().map_or_else(String::new, |Shared { database, key_file }| {
            format!(
                "[store]\nurl = \"{database}\"\n[vault]\nkey_file = \"{}\"\n[node]\nname = \"node{port}\"\n",
                key_file.display()
            )
        });
        std::fs::write(directory.path().join("assistant.toml"), configuration + &shared)?;
        let preloaded = Preloaded { power_cut: settings.power_cut.clone(), faults: settings.faults.clone() };
        let mut server = Self {
            child: spawn(directory.path(), &preloaded)?,
            directory,
            preloaded,
            port,
            cold_start: Duration::ZERO,
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Kills the process without warning (SIGKILL) and starts it again on the same data.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.restart().await
    }

    /// Kills the process without warning (SIGKILL).
    ///
    /// # Errors
    /// Where it is gone already.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts again on the same data after [`Self::kill`].
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.child = spawn(self.directory.path(), &self.preloaded)?;
        self.wait_until_ready().await
    }

    /// Asks it to stop (SIGTERM) and waits; returns whether it ended cleanly.
    ///
    /// # Errors
    /// Where it cannot be signalled or does not stop within 30 seconds.
    pub async fn stop(&mut self) -> Result<bool> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            ensure!(Instant::now() < deadline, "the server did not stop within 30 s of SIGTERM");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Ok(response) = reqwest::get(format!("{}/readyz", self.http())).await
                && response.status().is_success()
            {
                self.cold_start = started.elapsed();
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || started.elapsed() > Duration::from_mins(4) {
                bail!("the server did not become ready:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The folder of its configuration, with `data` in it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The portal door's address.
    pub fn portal(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/conversation", self.port)
    }

    /// The HTTP address without a slash at the end.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the process wrote to its standard output and error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Keeps all of its threads on the first processor core, for measuring what one core carries.
    ///
    /// # Errors
    /// Where `taskset` (util-linux) is missing or refuses.
    pub fn pin_to_one_core(&self) -> Result<()> {
        let status = Command::new("taskset")
            .args(["--all-tasks", "--pid", "--cpu-list", "0"])
            .arg(self.child.id().to_string())
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "taskset ended with {status}");
        Ok(())
    }

    /// Processor time that it has used since it began, in seconds (`utime` and `stime` of /proc, in ticks of 10 ms).
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn processor_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name in brackets and may hold spaces; times are the 14th and 15th.
        let rest = stat.rsplit_once(')').context("no name in stat")?.1;
        let ticks = |field: usize| -> Result<f64> {
            Ok(rest.split_whitespace().nth(field - 3).context("stat is too short")?.parse()?)
        };
        Ok((ticks(14)? + ticks(15)?) / 100.0)
    }

    /// Resident memory in MiB now (`VmRSS` of /proc).
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn memory_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("VmRSS is missing")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmRSS has no number")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Peak resident memory in MiB (`VmHWM` of /proc).
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn peak_memory_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).context("VmHWM is missing")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmHWM has no number")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Runs another command of the binary, with this server's configuration, while the server runs.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn command(&self, arguments: &[&str]) -> Result<Output> {
        let output = Command::new(binary()?)
            .env("ORT_DYLIB_PATH", workspace().join(".local/lib/libonnxruntime.so"))
            .current_dir(workspace())
            .arg("--config")
            .arg(self.directory.path().join("assistant.toml"))
            .args(arguments)
            .output()?;
        Ok(output)
    }

    /// Makes an agent by the command line and returns the password that it prints once.
    ///
    /// # Errors
    /// Where the command fails.
    pub fn add_agent(&self, name: &str) -> Result<String> {
        let output = self.command(&["agent", "add", name, "--languages", "bo,zh"])?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "agent add failed: {}", String::from_utf8_lossy(&output.stderr));
        let password = text
            .lines()
            .find_map(|line| line.to_lowercase().contains("password").then(|| line.rsplit(' ').next()))
            .flatten()
            .context("agent add printed no password")?;
        Ok(password.to_owned())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only where the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Libraries that are loaded into the process.
#[derive(Clone, Debug)]
struct Preloaded {
    power_cut: Option<PathBuf>,
    faults: Option<PathBuf>,
}

fn spawn(directory: &Path, preloaded: &Preloaded) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(directory.join("log"))?;
    let mut command = Command::new(binary()?);
    command
        .args(["--config", &directory.join("assistant.toml").to_string_lossy(), "serve"])
        .env("ORT_DYLIB_PATH", workspace().join(".local/lib/libonnxruntime.so"))
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some(library) = &preloaded.power_cut {
        command.env("LD_PRELOAD", library).env("POWER_CUT_FOLDER", directory.join("data"));
    }
    if let Some(library) = &preloaded.faults {
        command.env("LD_PRELOAD", library).env("FAULTS_FOLDER", directory);
    }
    Ok(command.spawn()?)
}
