package detect

// LimitCostly has the engine give so many values a costly fingerprint, which takes some 20 ms each.
func LimitCostly(e *Engine, most int) { e.costly.most = most }
