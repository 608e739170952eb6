//! The command line. Errors say what to do; exit codes: 0 done, 1 it did not work, 2 the command or the configuration is
//! wrong.

mod agent;
mod analyse;
mod ask;
mod audit;
mod backup;
mod calibrate;
mod check;
mod clip;
mod erase;
mod eval;
mod keys;
mod knowledge;
mod manifest;
mod migrate;
mod models;
mod people;
mod serve;
mod speak;
mod transcribe;
mod webhooks;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use language::Language;

use crate::{config::Configuration, telemetry};

/// A bilingual Tibetan and Chinese assistant for a government portal and its hotline.
#[derive(Debug, Parser)]
#[command(name = "assistant", version, about, arg_required_else_help = true)]
struct Arguments {
    /// Configuration file (TOML); `assistant.toml` where it exists otherwise.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portal and the agents' desk until SIGTERM or Ctrl-C; SIGHUP reads the knowledge base again.
    Serve,
    /// Say in plain words what is missing or wrong, and what to do about it.
    Check,
    /// Transcribe sound files.
    Transcribe(transcribe::Options),
    /// Read a text aloud into a WAV file.
    Speak(speak::Options),
    /// Ask a question as a citizen would, and show the answer or the choices.
    Ask(ask::Options),
    /// Measure how well a knowledge base is understood, on labelled questions; compare two such runs.
    Eval(Box<eval::Options>),
    /// Set how sure is sure enough for spoken questions, on recordings whose entries are known.
    Calibrate(calibrate::Options),
    /// Show what the language rules make of texts: scripts, syllables, keys, sounds, EWTS, pinyin, numbers.
    Analyse(analyse::Options),
    /// Import or check a knowledge base.
    #[command(subcommand)]
    Kb(knowledge::Command),
    /// Keep, list and remove answers that people have read aloud.
    #[command(subcommand)]
    Clip(clip::Command),
    /// List, install, check, measure and remove published models.
    #[command(subcommand)]
    Models(models::Command),
    /// Manage the people at the desk.
    #[command(subcommand)]
    Agent(agent::Command),
    /// Copy conversations, agents and knowledge into a place for backups, while the server runs.
    Backup(backup::BackupOptions),
    /// Put a backup in the place of the database, or where there is none.
    Restore(backup::RestoreArguments),
    /// Check the database, or a backup: every conversation opens, no event is missing, states are what the logs say.
    Verify(backup::VerifyOptions),
    /// Move everything from the file of one machine to a PostgreSQL server.
    Migrate(migrate::Options),
    /// Erase a conversation for good, in backups too.
    Erase(erase::EraseOptions),
    /// Erase every conversation whose time is over, as the running server does by and by.
    Retention(erase::RetentionOptions),
    /// Replace the master key of the conversations.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Manage accounts: roles, passwords, second factors, sessions.
    #[command(subcommand)]
    People(people::Command),
    /// Read the audit trail, and prove that nobody has changed it.
    #[command(subcommand)]
    Audit(audit::Command),
    /// See and retry what other systems have not taken.
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// Print the JSON Schema of the portal protocol.
    Schema,
    /// Print the OpenAPI description of the HTTP interface.
    Openapi,
    /// Print the effective configuration.
    Config,
}

/// How a command ended badly.
#[derive(Debug)]
enum Failure {
    /// It was tried and did not work.
    Failed(anyhow::Error),
    /// What was asked for makes no sense.
    Usage(String),
    /// The command has said everything itself.
    Said,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

type Outcome = Result<(), Failure>;

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    quiet_when_nobody_reads();
    let arguments = Arguments::parse();
    let outcome =
        configuration(&arguments).and_then(|configuration| dispatch(arguments.command, configuration));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Said) => ExitCode::from(1),
        Err(Failure::Failed(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn configuration(arguments: &Arguments) -> Result<Configuration, Failure> {
    Configuration::load(arguments.config.as_deref()).map_err(|error| Failure::Usage(error.to_string()))
}

fn dispatch(command: Command, configuration: Configuration) -> Outcome {
    let mut log = configuration.log.clone();
    if !matches!(command, Command::Serve) {
        // Commands talk to a person on standard output; only trouble is logged beside it. A file that symphonia cannot
        // read is reported by the command itself, in words that help.
        "warn,symphonia=off".clone_into(&mut log.level);
    }
    telemetry::log(&log).map_err(Failure::Usage)?;
    match command {
        Command::Serve => serve::run(configuration),
        Command::Check => check::run(&configuration),
        Command::Transcribe(options) => transcribe::run(&configuration, &options),
        Command::Speak(options) => speak::run(&configuration, &options),
        Command::Ask(options) => ask::run(&configuration, &options),
        Command::Eval(options) => eval::run(&configuration, &options),
        Command::Calibrate(options) => calibrate::run(&configuration, &options),
        Command::Analyse(options) => analyse::run(&options),
        Command::Kb(command) => knowledge::run(&configuration, &command),
        Command::Models(command) => models::run(&configuration, command),
        Command::Agent(command) => agent::run(&configuration, command),
        Command::Backup(options) => backup::backup(&configuration, options),
        Command::Restore(arguments) => backup::restore(&configuration, arguments),
        Command::Verify(options) => backup::verify(&configuration, &options),
        Command::Migrate(options) => migrate::run(&configuration, options),
        Command::Erase(options) => erase::erase(&configuration, &options),
        Command::Retention(options) => erase::retention(&configuration, &options),
        Command::Keys(command) => keys::run(&configuration, command),
        Command::People(command) => people::run(&configuration, command),
        Command::Audit(command) => audit::run(&configuration, &command),
        Command::Clip(command) => clip::run(&configuration, command),
        Command::Webhooks(command) => webhooks::run(&configuration, command),
        Command::Schema => {
            println!("{}", serde_json::to_string_pretty(&conversation::schema())?);
            Ok(())
        }
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&crate::doors::openapi::description()?)?);
            Ok(())
        }
        Command::Config => {
            print!("{}", configuration.to_toml()?);
            Ok(())
        }
    }
}

/// Runs async work of a command to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}

/// A number with its noun.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Reads `bo` or `zh`.
fn language(code: &str) -> Result<Language, String> {
    code.parse().map_err(|error: language::UnknownLanguage| error.to_string())
}

/// Ends without a word where whoever read the output has had enough (`assistant kb check | head`), instead of with a panic
/// from the printing macros.
fn quiet_when_nobody_reads() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if message.starts_with("failed printing to stdout") && message.contains("Broken pipe") {
            std::process::exit(0);
        }
        tell(panic);
    }));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
