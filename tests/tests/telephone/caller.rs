//! A caller behind a PBX that carries sound over a stream: says questions, presses keys, hangs up, and keeps what is heard and what the
//! hotline orders.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use parking_lot::Mutex;
use telephone::Rate;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::stage::{House, Question, Reply, last};

/// Speech is louder than this, as the root mean square of 16-bit samples; a line's own noise is far below.
const LOUD: f64 = 300.0;
const PATIENCE: Duration = Duration::from_secs(45);
/// Orders that may wait: no story gives more at once. When full, the story waits.
const ORDERS: usize = 16;

/// What the caller does.
#[derive(Clone, Debug)]
pub enum Order {
    /// Says these samples.
    Say(Vec<i16>),
    /// Presses a key.
    Key(char),
    /// Hangs up.
    HangUp,
}

/// A frame of sound as it was heard.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub at: Instant,
    pub samples: usize,
    /// The root mean square.
    pub loudness: f64,
}

/// What came from the hotline.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// What the caller heard, frame after frame.
    pub sound: Vec<Frame>,
    /// What the hotline ordered of the PBX, besides sound and marks.
    pub commands: Vec<(Instant, String)>,
    /// Marks that were reached.
    pub marks: usize,
}

impl Heard {
    /// Keeps a frame.
    pub fn hear(&mut self, samples: &[i16]) {
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let loudness = (sum / samples.len().max(1) as f64).sqrt();
        self.sound.push(Frame { at: Instant::now(), samples: samples.len(), loudness });
    }

    /// Keeps an order.
    pub fn order(&mut self, command: &str) {
        self.commands.push((Instant::now(), command.to_owned()));
    }

    /// How long something was to be heard since then.
    fn loud_since(&self, since: Instant, rate: Rate) -> Duration {
        let loud = self.sound.iter().filter(|frame| frame.at >= since && frame.loudness > LOUD);
        let samples: usize = loud.map(|frame| frame.samples).sum();
        Duration::from_secs_f64(samples as f64 / f64::from(rate.hertz()))
    }
}

/// The caller.
pub struct Caller {
    /// The call's id.
    pub call: String,
    pub rate: Rate,
    pub begun: Instant,
    orders: mpsc::Sender<Order>,
    heard: Arc<Mutex<Heard>>,
    pbx: JoinHandle<Result<()>>,
}

/// What a PBX works with.
pub struct Line {
    pub orders: mpsc::Receiver<Order>,
    pub heard: Arc<Mutex<Heard>>,
}

impl Caller {
    /// A caller whose PBX is this task.
    pub fn new<F>(call: &str, rate: Rate, pbx: impl FnOnce(Line) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let begun = Instant::now();
        let (sender, orders) = mpsc::channel(ORDERS);
        let heard = Arc::<Mutex<Heard>>::default();
        let pbx = tokio::spawn(pbx(Line { orders, heard: Arc::clone(&heard) }));
        Self { call: call.to_owned(), rate, begun, orders: sender, heard, pbx }
    }

    async fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).await.ok().context("the call is over")
    }

    /// Says a question.
    pub async fn say(&self, question: &Question) -> Result<()> {
        self.order(Order::Say(question.at(self.rate)?)).await
    }

    /// Presses a key.
    pub async fn press(&self, key: char) -> Result<()> {
        self.order(Order::Key(key)).await
    }

    /// Asks, and is answered: where the assistant asks back, the key is pressed.
    pub async fn ask(&self, house: &House, question: &Question) -> Result<()> {
        let before = last(&house.events(&self.call).await?);
        self.say(question).await?;
        if let Reply::Choice(key) = house.reply(&self.call, question, before).await? {
            let asked = last(&house.events(&self.call).await?);
            self.press(key).await?;
            ensure!(house.reply(&self.call, question, asked).await? == Reply::Answer, "asked back twice");
        }
        Ok(())
    }

    /// What was heard until now.
    pub fn heard(&self) -> Heard {
        self.heard.lock().clone()
    }

    /// Waits until there was so much to be heard since then.
    pub async fn hears(&self, since: Instant, length: Duration) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.heard.lock().loud_since(since, self.rate) < length {
            ensure!(Instant::now() < deadline, "{}: less than {length:?} was heard", self.call);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits for an order of the hotline after that moment, and says when it came.
    pub async fn is_told(&self, command: &str, since: Instant) -> Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let commands = self.heard.lock().commands.clone();
            if let Some((at, _)) = commands.iter().find(|(at, name)| *at >= since && name == command) {
                return Ok(*at);
            }
            if Instant::now() > deadline {
                bail!("{}: no {command} among {commands:?}", self.call);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Hangs up, and waits for the end of the connection.
    pub async fn hang_up(self) -> Result<Heard> {
        self.order(Order::HangUp).await?;
        self.ends().await
    }

    /// Waits for the end of the connection; what was heard until then.
    pub async fn ends(self) -> Result<Heard> {
        tokio::time::timeout(PATIENCE, self.pbx).await.context("the call does not end")???;
        Ok(self.heard.lock().clone())
    }
}

/// What a caller says, frame by frame, and the noise of a line where they say nothing.
#[derive(Debug, Default)]
pub struct Mouth {
    samples: std::collections::VecDeque<i16>,
    said: usize,
}

impl Mouth {
    /// That is said next.
    pub fn say(&mut self, samples: Vec<i16>) {
        self.samples.extend(samples);
    }

    /// The next frame.
    pub fn frame(&mut self, samples: usize) -> Vec<i16> {
        let noise = |n: usize| i16::from((n * 7_919 % 13) as u8) - 6;
        let first = self.said;
        self.said += samples;
        (0..samples).map(|n| self.samples.pop_front().unwrap_or_else(|| noise(first + n))).collect()
    }
}
