//! One real server process with a data directory of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
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
    power_cut: Option<PathBuf>,
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
    /// Where it does not become ready within a minute; its log is in the message.
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
        let mut server = Self {
            child: spawn(directory.path(), settings.power_cut.as_deref())?,
            directory,
            power_cut: settings.power_cut.clone(),
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
        self.child = spawn(self.directory.path(), self.power_cut.as_deref())?;
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
            if self.child.try_wait()?.is_some() || started.elapsed() > Duration::from_mins(1) {
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

    /// Makes an agent by the command line and returns the password that it prints once.
    ///
    /// # Errors
    /// Where the command fails.
    pub fn add_agent(&self, name: &str) -> Result<String> {
        let output = Command::new(binary()?)
            .env("ORT_DYLIB_PATH", workspace().join(".local/lib/libonnxruntime.so"))
            .current_dir(workspace())
            .arg("--config")
            .arg(self.directory.path().join("assistant.toml"))
            .args(["agent", "add", name, "--languages", "bo,zh"])
            .output()?;
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

fn spawn(directory: &Path, power_cut: Option<&Path>) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(directory.join("log"))?;
    let mut command = Command::new(binary()?);
    command
        .args(["--config", &directory.join("assistant.toml").to_string_lossy(), "serve"])
        .env("ORT_DYLIB_PATH", workspace().join(".local/lib/libonnxruntime.so"))
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some(library) = power_cut {
        command.env("LD_PRELOAD", library).env("POWER_CUT_FOLDER", directory.join("data"));
    }
    Ok(command.spawn()?)
}

/// An agent logged in at the desk.
pub struct Desk {
    http: reqwest::Client,
    /// The nodes' doors, and which of them is asked.
    bases: Vec<String>,
    at: AtomicUsize,
    csrf: String,
}

impl Desk {
    /// Logs in.
    ///
    /// # Errors
    /// Where name or password are wrong.
    pub async fn login(server: &ServerProcess, name: &str, password: &str) -> Result<Self> {
        let http = reqwest::Client::builder().cookie_store(true).build()?;
        let base = format!("{}/v1/desk", server.http());
        let bases = vec![base.clone()];
        let reply: Value = http
            .post(format!("{base}/login"))
            .header("Origin", server.http())
            .json(&json!({"name": name, "password": password}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let csrf = reply["csrf"].as_str().context("login gave no csrf value")?.to_owned();
        Ok(Self { http, bases, at: AtomicUsize::new(0), csrf })
    }

    /// Logs in for the first time, which asks for a new password.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn login_anew(server: &ServerProcess, name: &str, password: &str) -> Result<Self> {
        let mut desk = Self::login(server, name, password).await?;
        let me = desk.get("me").await?;
        if me["account"]["owes"].is_string() {
            let new = format!("{password} ལྷ་ས་");
            let (status, reply) = desk.post("password", json!({"current": password, "new": new})).await?;
            ensure!(status == 200, "the password was not taken: {reply}");
            reply["csrf"].as_str().context("no csrf value")?.clone_into(&mut desk.csrf);
        }
        Ok(desk)
    }

    /// Knows another node, which is asked where one cannot be reached.
    pub fn also_at(&mut self, server: &ServerProcess) {
        self.bases.push(format!("{}/v1/desk", server.http()));
    }

    /// Asks another of the nodes from now on.
    pub fn turn_to_the_next(&self) {
        self.at.fetch_add(1, Ordering::Relaxed);
    }

    fn base(&self) -> &str {
        &self.bases[self.at.load(Ordering::Relaxed) % self.bases.len()]
    }

    /// `GET /v1/desk/{path}`.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let reply = self.http.get(format!("{}/{path}", self.base())).send().await;
        let reply = reply.inspect_err(|_| self.turn_to_the_next())?;
        Ok(reply.error_for_status()?.json().await?)
    }

    /// `POST /v1/desk/{path}`: status and body.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub async fn post(&self, path: &str, body: Value) -> Result<(u16, Value)> {
        let base = self.base();
        let response = self
            .http
            .post(format!("{base}/{path}"))
            .header("X-Drilen-CSRF", &self.csrf)
            .header("Origin", base.trim_end_matches("/v1/desk"))
            .json(&body)
            .send()
            .await
            .inspect_err(|_| self.turn_to_the_next())?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    }
}
