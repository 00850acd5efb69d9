//! Claims of `recovery_ends.rs` that do not hold yet.

#[test]
fn an_unbounded_cell_ends_with_a_status() {
    // x > 0, y > 0, x + y > 1: every slack can grow without end.
    let model = Model::new(
        dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0],
        dvector![0.0, 0.0, 1.0],
    )
    .unwrap();
    // g = −A_xᵀσ is negative throughout: −1 is reached, 0 and 1 are not.
    let inside = from_gradient("c = −1", &model, &dvector![-1.0, -1.0], |r| r).unwrap();
    assert_eq!(inside.status, Status::Recovered);
    for c in [
        dvector![0.0, 0.0],
        dvector![1.0, 1.0],
        dvector![-1.0, 0.0],
        dvector![-1.0, 1e-9],
        dvector![1e6, -1.0],
    ] {
        let found = from_gradient(&format!("c = {c}"), &model, &c, |r| r).unwrap();
        assert_eq!(
            found.status,
            Status::NotConverged,
            "c = {c}: {}",
            found.reason
        );
    }
    // As many rows as columns, in units that leave little room before overflow.
    for unit in [1.0, 1e-280, 1e280] {
        let square = Model::new(M::identity(2, 2) * unit, V::zeros(2)).unwrap();
        let found = from_gradient("a cone", &square, &dvector![0.0, unit], |r| r).unwrap();
        assert_eq!(
            found.status,
            Status::NotConverged,
            "a cone in units of {unit}"
        );
    }
}

#[test]
fn cells_of_any_size_end_with_a_status_that_is_true() {
    let (a, b) = polygon();
    for unit in [1e-300, 1e-150, 1e-8, 1.0, 1e8, 1e150, 1e300] {
        // The cell is as large as b, and as 1/A; g is as large as A/s.
        for (model, gradient) in [
            (Model::new(a.clone(), &b * unit), 1.0 / unit),
            (Model::new(&a * unit, b.clone()), unit),
        ] {
            let model = model.unwrap();
            for c in [dvector![0.0, 0.0], dvector![0.1, -0.2] * gradient] {
                let what = format!("a cell in units of {unit}, c = {c}");
                let found = from_gradient(&what, &model, &c, |r| r)
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(found.status, Status::Recovered, "{what}: {}", found.reason);
            }
        }
    }
}

#[test]
fn hyperplanes_through_one_point_end_with_a_status() {
    // b = 0: scores are the same along rays, and no x fits generic ones.
    for a in [
        dmatrix![1.0; 2.0; 3.0],
        dmatrix![0.0, 1.0; 1.0, 1.0; 2.0, 1.0; 1.0, 2.0; 1.0, -1.0; 3.0, 1.0],
    ] {
        let (n, d) = a.shape();
        let model = Model::new(a, V::zeros(n)).unwrap();
        let own = model
            .at(&V::from_element(d, 0.7))
            .map(|g| g.scores().clone());
        let generic = V::from_fn(n, |i, _| (1.0 + 0.3 * i as f64) * d as f64);
        let generic = &generic * (d as f64 / generic.sum());
        for target in own.into_iter().chain([generic]) {
            for signs in [SignKnowledge::Unknown, positive(&model)] {
                let found = from_scores("b = 0", &model, &target, signs);
                assert!(!found.status.is_success(), "{}", found.reason);
            }
        }
    }
}

#[test]
fn gradients_of_any_size_end_with_a_status_that_is_true() {
    let (a, b) = polygon();
    let model = Model::new(a, b).unwrap();
    for size in [
        0.0, 1e-310, 1e-300, 1e-150, 1e-20, 1.0, 1e8, 1e16, 1e100, 1e150, 1e200, 1e300,
    ] {
        let c = dvector![size, -0.3 * size];
        for start in [
            None,
            Some(dvector![0.3, 0.3]),
            Some(dvector![-1.0 + 1e-12, 0.0]),
        ] {
            let what = format!("a gradient of {size} from {start:?}");
            let found = from_gradient(&what, &model, &c, move |r| match &start {
                Some(x) => r.start(x.clone()).unwrap(),
                None => r,
            });
            let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            if size <= 1e8 {
                assert_eq!(found.status, Status::Recovered, "{what}: {}", found.reason);
            }
        }
    }
}

