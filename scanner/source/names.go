package source

// Name returns the repository's name for messages.
func (r *Repository) Name() string { return r.request.Name }

// Revision returns the commit that is scanned, or an empty text where there is none, as in a repository without a commit.
func (r *Repository) Revision() string {
	if r.revision.IsZero() {
		return ""
	}
	return r.revision.String()
}
