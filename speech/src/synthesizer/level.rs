//! How loud a voice is.

/// Up to here a sample is only multiplied; what is louder is bent towards 1, so that nothing is ever cut off.
const KNEE: f32 = 0.9;

/// Multiplies samples by a volume. What would go beyond [`KNEE`] approaches ±1 by a hyperbolic tangent (a soft limiter).
pub fn amplify(samples: &mut [f32], volume: f32) {
    for sample in samples {
        *sample *= volume;
        let over = sample.abs() - KNEE;
        if over > 0.0 {
            let room = 1.0 - KNEE;
            *sample = sample.signum() * (KNEE + room * (over / room).tanh());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_sounds_are_bent_and_never_cut_off() {
        let mut samples = vec![0.0, 0.25, -0.44, 0.5, -0.5, 5.0, -5.0];
        amplify(&mut samples, 2.0);
        assert_eq!(samples[..3], [0.0, 0.5, -0.88]);
        assert!((0.95..1.0).contains(&samples[3]) && (samples[3] + samples[4]).abs() < 1e-6);
        assert!(samples[5] <= 1.0 && samples[5] > samples[3] && samples[6] >= -1.0);
        let mut same = vec![0.1, -0.9];
        amplify(&mut same, 1.0);
        assert_eq!(same, [0.1, -0.9]);
    }
}
