package detect

// span is a part of a window.
type span struct{ start, end int }

// runs calls visit with every run of least bytes or more that are of base64, without its padding, and that starts in the
// window's own part.
func runs(w *window, least int, visit func(span)) {
	data := w.data
	i := w.from
	if i > 0 && i < len(data) && isBase64(data[i]) {
		for i < len(data) && isBase64(data[i-1]) {
			i++
		}
	}
	for i+least-1 < len(data) && i < w.to {
		// No run begins here unless the last of its first bytes belongs to it too, so most of the content is skipped.
		if !isBase64(data[i+least-1]) {
			i += least
			continue
		}
		start := i + least - 1
		for start > i && isBase64(data[start-1]) {
			start--
		}
		end := i + least
		for end < len(data) && isBase64(data[end]) {
			end++
		}
		i = end + 1
		if start >= w.to {
			return
		}
		if end-start >= least {
			visit(span{start, end})
		}
	}
}
