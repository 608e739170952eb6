//! A PostgreSQL server of one's own for as long as a process lives: for tests, benchmarks, and trying several nodes out.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// A server that starts takes seconds at most, also on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Keeps the server, and takes it and its files away when standard input ends, however this process ended.
const KEEPER: &str = r#"
trap '' INT TERM
"$1/postgres" -D "$2/data" >>"$2/log" 2>&1 &
server=$!
while read -r order; do
  case $order in
    restart) kill -INT $server; wait $server; "$1/postgres" -D "$2/data" >>"$2/log" 2>&1 & server=$!; echo done ;;
    crash) kill -QUIT $server; wait $server; "$1/postgres" -D "$2/data" >>"$2/log" 2>&1 & server=$!; echo done ;;
  esac
done
kill -QUIT $server
wait $server
rm -rf "$2"
"#;

/// A throw-away PostgreSQL cluster on a port of this machine. It vanishes with the process, killed or not.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    keeper: Child,
    orders: Option<ChildStdin>,
    databases: AtomicU32,
}

impl Cluster {
    /// Starts one. `settings` are further lines of `postgresql.conf`.
    ///
    /// # Errors
    /// Where PostgreSQL is not installed, or does not start; the text has the end of its log.
    pub fn start(settings: &str) -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("drilen-postgres-").tempdir()?.keep();
        let user = user(&folder)?;
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&folder).env("LC_ALL", "C");
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = run(&programs.join("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=drilen", "--no-sync", "-D"])
            .arg(folder.join("data"))
            .output()
            .context("initdb cannot be started")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let configuration = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 200\n\
             shared_buffers = 128MB\nlog_min_messages = warning\n{settings}\n"
        );
        std::fs::OpenOptions::new()
            .append(true)
            .open(folder.join("data/postgresql.conf"))?
            .write_all(configuration.as_bytes())?;
        let mut keeper = run(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&programs)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let orders = keeper.stdin.take();
        let cluster = Self { port, keeper, orders, databases: AtomicU32::new(0) };
        cluster.wait_until_it_answers().with_context(|| {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            format!("PostgreSQL did not start: {}", log.lines().rev().take(5).collect::<Vec<_>>().join(" | "))
        })?;
        Ok(cluster)
    }

    /// Makes an empty database, and gives its address.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        ensure!(made.contains("CREATE DATABASE"), "the database could not be made: {made}");
        Ok(format!("postgres://drilen@127.0.0.1:{}/{name}", self.port))
    }

    /// Says something to a database, and gives what it answers.
    ///
    /// # Errors
    /// Where the server cannot be reached or refuses.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let said = Command::new(programs()?.join("psql"))
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "drilen", "-p"])
            .arg(self.port.to_string())
            .args(["-d", database, "-c", sql])
            .output()
            .context("psql cannot be started")?;
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    }

    /// Stops the server in its tracks, as a power cut would, and starts it again. Returns when it answers.
    ///
    /// # Errors
    /// Where it does not come back.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.order("crash")
    }

    /// Stops the server in order, ending every connection, and starts it again. Returns when it answers.
    ///
    /// # Errors
    /// Where it does not come back.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.order("restart")
    }

    fn order(&mut self, order: &str) -> anyhow::Result<()> {
        let orders = self.orders.as_mut().context("the server is gone")?;
        writeln!(orders, "{order}")?;
        let mut done = [0; 5];
        self.keeper.stdout.as_mut().context("the keeper is gone")?.read_exact(&mut done)?;
        self.wait_until_it_answers()
    }

    fn wait_until_it_answers(&self) -> anyhow::Result<()> {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            match self.psql("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.orders.take();
        // What it does not manage is its files' removal, which nobody waits for.
        let _ = self.keeper.wait();
    }
}

/// Whether PostgreSQL is installed, so that a cluster can be started.
pub fn is_installed() -> bool {
    programs().is_ok()
}

/// Where `initdb` and `postgres` are: Debian keeps them out of the path, a folder per version.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    match folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
    {
        Some(folder) => Ok(folder),
        None => bail!("PostgreSQL is not installed: apt-get install postgresql"),
    }
}

/// PostgreSQL refuses to run as root: then its own account is used, which Debian's package makes.
fn user(folder: &Path) -> anyhow::Result<Option<(u32, u32)>> {
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder)?);
    if own != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let account = accounts.lines().find(|line| line.starts_with("postgres:"));
    let account = account.context("there is no account `postgres` to run PostgreSQL as")?;
    let number = |field: usize| account.split(':').nth(field).and_then(|text| text.parse().ok());
    let (Some(uid), Some(gid)) = (number(2), number(3)) else { bail!("/etc/passwd cannot be read") };
    std::os::unix::fs::chown(folder, Some(uid), Some(gid))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(Some((uid, gid)))
}
