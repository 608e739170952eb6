//! Whole sound files of any common format → 16 kHz mono.
//!
//! WAV, AIFF, FLAC, MP3, Ogg (Vorbis, Opus), MP4 (AAC, ALAC), Matroska and `WebM` (Vorbis, Opus, PCM), CAF, by what is in
//! the file and not by its name. Opus inside a container is decoded by libopus, because symphonia has no decoder for it.

use std::{fs, io, path::Path};

use symphonia::core::{
    audio::GenericAudioBufferRef,
    codecs::{
        audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_OPUS},
        registry::CodecRegistry,
    },
    errors::Error,
    formats::{FormatOptions, FormatReader, TrackType, probe::Hint},
    io::{MediaSourceStream, MediaSourceStreamOptions},
    meta::MetadataOptions,
    packet::Packet,
    units::{Duration, TimeBase},
};

use super::{CodecError, opus::OpusDecoder, resample::Resampler};
use crate::SAMPLE_RATE;

/// Why a file is no sound that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It is something else, whatever its name says.
    #[error("this is not a sound file of a known format")]
    NotSound,
    /// It is a sound file, but of a kind that cannot be decoded.
    #[error("this kind of sound file cannot be decoded: {reason}")]
    Unsupported {
        /// What is not supported.
        reason: String,
    },
    /// Too little of it could be decoded.
    #[error("the sound file is damaged: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// It holds more sound than the caller wants.
    #[error("the sound is longer than {max_seconds:.0} s")]
    TooLong {
        /// The limit.
        max_seconds: f32,
    },
}

/// Reads and decodes a file; see [`decode`].
///
/// # Errors
/// [`FileError`].
pub fn decode_path(path: &Path, max_seconds: f32) -> Result<Vec<f32>, FileError> {
    decode(fs::read(path)?, max_seconds)
}

/// Decodes a whole file to mono at [`SAMPLE_RATE`], channels averaged. Stops with [`FileError::TooLong`] as soon as there
/// is more than `max_seconds` of it, so that a small file cannot fill the memory. Single damaged packets are left out.
///
/// # Errors
/// [`FileError`].
pub fn decode(bytes: Vec<u8>, max_seconds: f32) -> Result<Vec<f32>, FileError> {
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    let stream =
        MediaSourceStream::new(Box::new(io::Cursor::new(bytes)), MediaSourceStreamOptions::default());
    let mut reader = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|_| FileError::NotSound)?;
    let track = reader.default_track(TrackType::Audio).ok_or(FileError::NotSound)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| unsupported("its codec is not known"))?;
    let mut decoder = PacketDecoder::new(parameters, track.time_base)?;
    let id = track.id;
    let limit = (max_seconds * SAMPLE_RATE as f32) as usize;
    let mut output = Output { samples: Vec::new(), resampler: None, rate: 0 };
    let (mut good, mut bad) = (0_u32, 0_u32);
    while let Some(packet) = next_packet(reader.as_mut())? {
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet, &mut output) {
            Ok(()) => good += 1,
            Err(FileError::Damaged { .. }) => bad += 1,
            Err(other) => return Err(other),
        }
        if output.samples.len() > limit {
            return Err(FileError::TooLong { max_seconds });
        }
    }
    output.finish()?;
    if bad > good || output.samples.is_empty() {
        return Err(FileError::Damaged {
            reason: format!("{bad} of {} pieces cannot be decoded", good + bad),
        });
    }
    if output.samples.len() > limit {
        return Err(FileError::TooLong { max_seconds });
    }
    Ok(output.samples)
}

#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn unsupported(reason: impl ToString) -> FileError {
    FileError::Unsupported { reason: reason.to_string() }
}

/// The next packet; `None` at the end, which is also where a truncated file ends.
fn next_packet(reader: &mut dyn FormatReader) -> Result<Option<Packet>, FileError> {
    match reader.next_packet() {
        Ok(packet) => Ok(packet),
        Err(Error::IoError(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        // Another stream begins in the same file; the first one is what was asked for.
        Err(Error::ResetRequired) => Ok(None),
        Err(e) => Err(FileError::Damaged { reason: e.to_string() }),
    }
}

/// Decodes packets of one track.
enum PacketDecoder {
    Opus { decoder: OpusDecoder, time_base: Option<TimeBase> },
    Symphonia { decoder: Box<dyn AudioDecoder>, interleaved: Vec<f32> },
}

impl PacketDecoder {
    fn new(parameters: &AudioCodecParameters, time_base: Option<TimeBase>) -> Result<Self, FileError> {
        if parameters.codec == CODEC_ID_OPUS {
            // Byte 18 of `OpusHead` is the channel mapping family; others than 0 are several streams in one packet.
            let family = parameters.extra_data.as_ref().and_then(|head| head.get(18)).copied().unwrap_or(0);
            if family != 0 {
                return Err(unsupported("Opus with more than two channels"));
            }
            return Ok(Self::Opus { decoder: OpusDecoder::new().map_err(unsupported)?, time_base });
        }
        let registry: &CodecRegistry = symphonia::default::get_codecs();
        let decoder =
            registry.make_audio_decoder(parameters, &AudioDecoderOptions::default()).map_err(unsupported)?;
        Ok(Self::Symphonia { decoder, interleaved: Vec::new() })
    }

    fn decode(&mut self, packet: &Packet, output: &mut Output) -> Result<(), FileError> {
        match self {
            Self::Opus { decoder, time_base } => {
                let samples = decoder.decode(&packet.data).map_err(damaged)?;
                let cut = |duration: Duration| to_samples(duration, *time_base).min(samples.len());
                let (first, last) = (cut(packet.trim_start), samples.len() - cut(packet.trim_end));
                output.push(SAMPLE_RATE, samples.get(first..last).unwrap_or_default())
            }
            Self::Symphonia { decoder, interleaved } => match decoder.decode(packet) {
                Ok(buffer) => {
                    let mono = to_mono(&buffer, interleaved);
                    output.push(buffer.spec().rate(), mono)
                }
                Err(Error::DecodeError(reason)) => Err(FileError::Damaged { reason: reason.to_owned() }),
                Err(Error::IoError(e)) => Err(damaged(e)),
                Err(e) => Err(unsupported(e)),
            },
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn damaged(reason: impl ToString) -> FileError {
    FileError::Damaged { reason: reason.to_string() }
}

/// A duration in the track's ticks as samples at [`SAMPLE_RATE`]; 0 where the length of a tick is not known.
fn to_samples(duration: Duration, time_base: Option<TimeBase>) -> usize {
    time_base.map_or(0, |base| {
        let ticks = u128::from(duration.get()) * u128::from(SAMPLE_RATE) * u128::from(base.numer.get());
        usize::try_from(ticks / u128::from(base.denom.get())).unwrap_or(usize::MAX)
    })
}

/// Averages the channels; the result lies in `interleaved`. A file of floating-point samples may hold anything: what is no number is silence, and
/// what is too loud is clipped, or resampling would meet infinities.
fn to_mono<'a>(buffer: &GenericAudioBufferRef<'_>, interleaved: &'a mut Vec<f32>) -> &'a [f32] {
    buffer.copy_to_vec_interleaved(interleaved);
    for sample in interleaved.iter_mut() {
        *sample = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) };
    }
    let channels = buffer.num_planes().max(1);
    if channels > 1 {
        let frames = interleaved.len() / channels;
        for frame in 0..frames {
            let sum: f32 = interleaved[frame * channels..(frame + 1) * channels].iter().sum();
            interleaved[frame] = sum / channels as f32;
        }
        interleaved.truncate(frames);
    }
    interleaved
}

/// Collects samples, converting whatever rate they come in.
struct Output {
    samples: Vec<f32>,
    resampler: Option<Resampler>,
    rate: u32,
}

impl Output {
    fn push(&mut self, rate: u32, mono: &[f32]) -> Result<(), FileError> {
        if rate != self.rate {
            self.finish()?;
            self.resampler = Some(Resampler::new(rate, SAMPLE_RATE).map_err(unsupported)?);
            self.rate = rate;
        }
        if let Some(resampler) = self.resampler.as_mut() {
            self.samples.extend(resampler.push(mono).map_err(library)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FileError> {
        if let Some(mut resampler) = self.resampler.take() {
            self.samples.extend(resampler.finish().map_err(library)?);
        }
        Ok(())
    }
}

fn library(error: CodecError) -> FileError {
    unsupported(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file: 16-bit samples, interleaved.
    fn wav(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
        let data = crate::codec::pcm16::encode(samples);
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend((36 + data.len() as u32).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
        bytes.extend((channels * 2).to_le_bytes());
        bytes.extend(16_u16.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        bytes
    }

    fn tone(rate: u32, seconds: f32) -> Vec<f32> {
        let count = (rate as f32 * seconds) as usize;
        (0..count).map(|i| (std::f32::consts::TAU * 440.0 * i as f32 / rate as f32).sin() * 0.5).collect()
    }

    #[test]
    fn a_48_kilohertz_stereo_recording_becomes_16_kilohertz_mono() {
        let stereo: Vec<f32> = tone(48_000, 1.0).into_iter().flat_map(|left| [left, -left / 2.0]).collect();
        let samples = decode(wav(48_000, 2, &stereo), 10.0).unwrap();
        assert_eq!(samples.len(), 16_000);
        let worst = samples[800..15_200]
            .iter()
            .zip(&tone(16_000, 1.0)[800..])
            .map(|(heard, tone)| (heard - tone / 4.0).abs())
            .fold(0.0, f32::max);
        assert!(worst < 0.01, "{worst}");
    }

    #[test]
    fn a_picture_with_the_name_of_a_sound_is_no_sound_file() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\x90\x91h6".to_vec();
        png.extend((0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
        assert!(matches!(decode(png, 10.0), Err(FileError::NotSound | FileError::Damaged { .. })));
    }

    #[test]
    fn samples_that_are_no_numbers_or_endless_are_no_accident() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 2.0] {
            let samples = [0.25_f32, odd, -0.25, odd].repeat(2_000);
            let mut bytes = wav(22_050, 1, &vec![0.0; samples.len() * 2]);
            // Format 3, 32 bits per sample (IEEE floating point).
            bytes[20] = 3;
            bytes[28..32].copy_from_slice(&(22_050_u32 * 4).to_le_bytes());
            (bytes[32], bytes[34]) = (4, 32);
            bytes.truncate(44);
            bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            let decoded = decode(bytes, 10.0).unwrap();
            assert!(decoded.iter().all(|sample| sample.is_finite()), "{odd}");
        }
    }

    #[test]
    fn empty_text_and_headers_without_sound_are_told_apart_from_sound() {
        assert!(matches!(decode(Vec::new(), 10.0), Err(FileError::Empty)));
        let text = "སྐད་ཆ། 你好 this is a letter. ".repeat(300).into_bytes();
        assert!(matches!(decode(text, 10.0), Err(FileError::NotSound | FileError::Damaged { .. })));
        assert!(decode(wav(16_000, 1, &[]), 10.0).is_err());
    }

    #[test]
    fn ten_minutes_are_refused_where_one_is_allowed() {
        let long = wav(8_000, 1, &vec![0.1; 8_000 * 600]);
        assert!(matches!(decode(long, 60.0), Err(FileError::TooLong { .. })));
    }

    #[test]
    fn a_truncated_recording_gives_what_is_left_of_it() {
        let mut bytes = wav(16_000, 1, &tone(16_000, 1.0));
        bytes.truncate(bytes.len() / 2);
        let samples = decode(bytes, 10.0).unwrap();
        assert!((7_000..9_000).contains(&samples.len()), "{}", samples.len());
    }
}
