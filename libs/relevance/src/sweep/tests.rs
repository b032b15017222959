use super::*;
use proptest::prelude::*;

fn knobs() -> Vec<Knob> {
    let knob = |name: &str, max| Knob { name: name.to_owned(), min: 0.0, max };
    vec![knob("text", 100.0), knob("b", 1.0), knob("idle", 10.0)]
}

fn setting(values: &[(&str, f32)]) -> Setting {
    values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn axes_are_read() {
    let found = axis("text=2,0.5, 1,2", &knobs()).unwrap();
    assert_eq!(found, Axis { name: "text".into(), values: vec![0.5, 1.0, 2.0] });
    for (text, expected) in [
        ("text", "`NAME=VALUE,VALUE…` is expected"),
        ("txet=1", "no parameter is called `txet`; there are: text, b, idle"),
        ("b=0.5,1.5", "b: `1.5`: a number from 0 to 1 is expected"),
        ("b=NaN", "b: `NaN`: a number from 0 to 1"),
        ("b=", "b: ``: a number from 0 to 1"),
    ] {
        let fault = axis(text, &knobs()).unwrap_err();
        assert_eq!(fault.code, Code::ConfigBadValue);
        assert!(fault.message.contains(expected), "{text}: {fault}");
    }
}

#[test]
fn a_grid_has_every_combination() {
    let start = setting(&[("text", 1.0), ("b", 0.75), ("idle", 3.0)]);
    let axes = ["text=1,2", "b=0,0.5,1"].map(|text| axis(text, &knobs()).unwrap());
    let points = grid(&start, &axes).unwrap();
    assert_eq!(points.len(), 6);
    assert_eq!(points[5], setting(&[("text", 2.0), ("b", 1.0), ("idle", 3.0)]));
    assert!(points.iter().all(|point| point["idle"] == 3.0));
    assert_eq!(grid(&start, &[]).unwrap(), std::slice::from_ref(&start));
    let twice = [axes[0].clone(), axes[0].clone()];
    assert!(grid(&start, &twice).unwrap_err().message.contains("swept twice"));
    let long = Axis { name: "text".into(), values: (0..1001).map(|i| i as f32 / 20.0).collect() };
    assert!(grid(&start, &[long]).unwrap_err().message.contains("1001 points"));
}

/// Best at text = 8 and b = 0.25; `idle` does nothing.
fn hill(setting: &Setting) -> f64 {
    let far = f64::from((setting["text"] / 8.0).max(0.01).ln().abs() + (setting["b"] - 0.25).abs());
    1.0 / (1.0 + far)
}

fn climb(start: &Setting, most: usize) -> Descent {
    let mut descent = Descent::new(knobs(), start.clone(), most);
    while let Some(setting) = descent.ask() {
        let score = hill(setting);
        descent.tell(score);
    }
    descent
}

#[test]
fn a_descent_finds_the_top_and_ends() {
    let start = setting(&[("text", 1.0), ("b", 0.75), ("idle", 3.0)]);
    let found = climb(&start, MAX_TRIALS);
    assert!(hill(found.best()) > 0.9, "{:?}", found.best());
    assert_eq!(found.best()["idle"], 3.0, "what changes nothing stays");
    assert!(found.trials().len() < 200, "{}", found.trials().len());
    assert_eq!(found.trials()[0], Trial { moved: None, score: hill(&start), setting: start });
}

#[test]
fn nothing_to_gain_takes_one_round() {
    let start = setting(&[("text", 8.0), ("b", 0.25), ("idle", 0.0)]);
    let found = climb(&start, MAX_TRIALS);
    assert_eq!(found.best(), &start);
    // the start, and at most five values of each of three parameters
    assert!(found.trials().len() <= 1 + 3 * 5, "{}", found.trials().len());
}

proptest! {
    #[test]
    fn trials_stay_within_bounds(
        text in 0f32..100.0, b in 0f32..1.0, idle in 0f32..10.0, most in 0usize..60
    ) {
        let start = setting(&[("text", text), ("b", b), ("idle", idle)]);
        let found = climb(&start, most);
        prop_assert!(found.trials().len() <= most);
        for trial in found.trials() {
            for knob in knobs() {
                prop_assert!((knob.min..=knob.max).contains(&trial.setting[&knob.name]));
            }
        }
        let best = hill(found.best());
        prop_assert!(most == 0 || best >= hill(&start));
        prop_assert!(found.trials().iter().all(|trial| trial.score <= best + 2e-4));
    }
}
