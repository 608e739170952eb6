//! Walks through a ggml Whisper file before whisper.cpp is trusted with it, which believes every length it reads: a
//! damaged or hostile one would end the whole process instead of the load.
//!
//! Source: whisper.cpp `whisper_model_load`; ggml `ggml.c` (`type_traits`) for the sizes.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

/// Where the mel filters begin: after the magic number and eleven sizes.
const AFTER_HEADER: u64 = 48;

/// No token and no tensor's name is longer, in bytes.
const LONGEST_NAME: u32 = 1024;

/// Element types of tensors: ggml's number, elements per block, bytes per block.
const TYPES: [(i32, u64, u64); 14] = [
    (0, 1, 4),
    (1, 1, 2),
    (2, 32, 18),
    (3, 32, 20),
    (6, 32, 22),
    (7, 32, 24),
    (8, 32, 34),
    (10, 256, 84),
    (11, 256, 110),
    (12, 256, 144),
    (13, 256, 176),
    (14, 256, 210),
    (15, 256, 292),
    (30, 1, 2),
];

/// Checks that filters, vocabulary and tensors lie in the file as they should; why not, for people.
pub(super) fn check(file: &Path, vocabulary: i32) -> Result<(), String> {
    let opened = File::open(file).map_err(|e| e.to_string())?;
    let size = opened.metadata().map_err(|e| e.to_string())?.len();
    let mut walk = Walk { file: BufReader::with_capacity(1 << 16, opened), at: 0, size };
    walk.through(vocabulary).map_err(|reason| match reason {
        Damage::CutShort => "it is damaged or incomplete (cut short); download it again".to_owned(),
        Damage::Impossible(what) => format!("it is damaged: {what}"),
    })
}

/// What is wrong with a file.
#[derive(Debug)]
enum Damage {
    CutShort,
    Impossible(String),
}

impl From<io::Error> for Damage {
    fn from(_: io::Error) -> Self {
        Self::CutShort
    }
}

struct Walk {
    file: BufReader<File>,
    at: u64,
    size: u64,
}

impl Walk {
    fn through(&mut self, vocabulary: i32) -> Result<(), Damage> {
        self.skip(AFTER_HEADER)?;
        let (bins, width) = (self.number()?, self.number()?);
        if ![80, 128].contains(&bins) || width != 201 {
            return Err(Damage::Impossible(format!("mel filters of {bins} × {width}")));
        }
        self.skip(u64::from(bins) * u64::from(width) * 4)?;
        let count = self.number()?;
        if i64::from(count) > i64::from(vocabulary) {
            return Err(Damage::Impossible(format!("{count} tokens in a vocabulary of {vocabulary}")));
        }
        for token in 0..count {
            let length = self.number()?;
            if length > LONGEST_NAME {
                return Err(Damage::Impossible(format!("token {token} has {length} bytes")));
            }
            self.skip(length.into())?;
        }
        // A file without tensors is whisper.cpp's own way of testing; it transcribes nothing.
        while self.at < self.size {
            self.tensor()?;
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<(), Damage> {
        let (dimensions, name, kind) = (self.number()?, self.number()?, self.number()?);
        if !(1..=4).contains(&dimensions) || name > LONGEST_NAME {
            return Err(Damage::Impossible(format!("a tensor with {dimensions} dimensions")));
        }
        let kind = TYPES.iter().find(|known| i64::from(known.0) == i64::from(kind));
        let Some(&(_, elements, bytes)) = kind else {
            return Err(Damage::Impossible("a tensor of an unknown type".to_owned()));
        };
        let mut count = 1_u64;
        for _ in 0..dimensions {
            count = count.saturating_mul(self.number()?.into());
        }
        self.skip(name.into())?;
        self.skip((count / elements).saturating_mul(bytes))
    }

    fn number(&mut self) -> Result<u32, Damage> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Damage> {
        if bytes > self.size.saturating_sub(self.at) {
            return Err(Damage::CutShort);
        }
        // `seek_relative` keeps the buffer, which matters for fifty thousand short tokens.
        match i64::try_from(bytes) {
            Ok(near) => self.file.seek_relative(near)?,
            Err(_) => drop(self.file.seek(SeekFrom::End(0))?),
        }
        self.at += bytes;
        Ok(())
    }
}
