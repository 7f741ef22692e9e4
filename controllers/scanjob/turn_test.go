package scanjob

import "testing"

func TestTasksAreStartedInTheOrderOfTheRecords(t *testing.T) {
	t.Parallel()
	own := holder{job: "m", recorded: 10}
	for name, test := range map[string]struct {
		others []holder
		want   int
	}{
		"none":                    {nil, 0},
		"an older record":         {[]holder{{job: "z", recorded: 9}}, 1},
		"a younger record":        {[]holder{{job: "a", recorded: 11}}, 0},
		"of the same second":      {[]holder{{job: "a", recorded: 10}, {job: "z", recorded: 10}}, 1},
		"a task that was started": {[]holder{{job: "z", recorded: 11, begun: true}}, 1},
	} {
		if got := own.ahead(test.others); got != test.want {
			t.Errorf("%s: %d are ahead, want %d", name, got, test.want)
		}
	}
	// Of records of which none has a task, as many as there are slots may always start.
	crashed := []holder{{job: "a", recorded: 1}, {job: "b", recorded: 1}, {job: "c", recorded: 2}}
	for place, h := range crashed {
		if got := h.ahead(append(append([]holder{}, crashed[:place]...), crashed[place+1:]...)); got != place {
			t.Errorf("%d are ahead of record %d", got, place)
		}
	}
}
