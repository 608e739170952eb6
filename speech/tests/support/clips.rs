//! The synthetic sounds of `training/layouts/clips.py`, bit by bit the same.

/// The clip of a seed: `samples` values in [-1, 1) at 16 kHz. The formula is in `training/layouts/clips.py`.
pub fn clip(seed: i64, samples: i64) -> Vec<f32> {
    let (mut x, mut phase) = (seed, 0);
    (0..samples)
        .map(|i| {
            x = (x * 1_103_515_245 + 12_345) % (1 << 31);
            let noise = (x >> 16) - 16_384;
            let block = seed + i / 1600;
            phase = (phase + 800 + 37 * (block % 61) + i / 40) % 65_536;
            let wave = (phase - 32_768).abs() - 16_384;
            let loud = (wave * (1 + 7 * block % 13)).div_euclid(16);
            let hiss = (noise * (1 + 5 * block % 7)).div_euclid(64);
            (loud + hiss) as f32 / 32_768.0
        })
        .collect()
}

/// `hushed` of `training/layouts/clips.py`: a stretch of a few units, then a stretch of zeros.
#[allow(dead_code, reason = "test code, of which every test file uses a part")]
pub fn hushed(mut clip: Vec<f32>) -> Vec<f32> {
    for sample in &mut clip[4000..8000] {
        *sample = (*sample * 32_768.0 / 8192.0).floor() / 32_768.0;
    }
    clip[8000..12_000].fill(0.0);
    clip
}
