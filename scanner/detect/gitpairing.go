package detect

import "fmt"

// half tells which part of a credential of two parts a hit is.
type half int

const (
	// whole is a hit that counts by itself.
	whole half = iota
	// gitUser is a user name of CodeCommit without a password near it.
	gitUser
	// gitPassword is a value that is called a password and looks like one of CodeCommit.
	gitPassword
)

// mostGitPasswords bounds the passwords that wait for a user name.
const mostGitPasswords = 256

// gitPairing joins user names and passwords of CodeCommit that stand farther apart than one sees at once.
type gitPairing struct {
	user    hit
	pending []hit
	// dropped is the line of the last password that was dropped without a user name because too many waited; 0 where none was.
	dropped int
}

func (c *collector) addGitHalf(h hit) {
	p := &c.git
	if h.half == gitUser {
		for _, password := range p.pending {
			c.joinGit(h, password)
		}
		p.user, p.pending = h, p.pending[:0]
		if p.dropped > 0 && h.line-p.dropped <= pairLines {
			c.leftOut = fmt.Sprintf("more than %d possible passwords beside a user name of CodeCommit", mostGitPasswords)
		}
		return
	}
	if p.user.line > 0 {
		c.joinGit(p.user, h)
	}
	if len(p.pending) == mostGitPasswords {
		if oldest := p.pending[0].line; p.user.line == 0 || oldest-p.user.line > pairLines {
			p.dropped = oldest
		}
		p.pending = append(p.pending[:0], p.pending[1:]...)
	}
	p.pending = append(p.pending, h)
}

func (c *collector) joinGit(user, password hit) {
	if max(user.line-password.line, password.line-user.line) > pairLines {
		return
	}
	password.account, password.half, password.pairLine = user.account, whole, user.line
	password.value = user.account + ":" + password.value
	c.record(nil, password)
}
