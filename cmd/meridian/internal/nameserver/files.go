package nameserver

import (
	"os"
	"slices"
)

// fileMark tells versions of a file apart.
type fileMark struct {
	path string
	info os.FileInfo // nil: the file cannot be looked at
}

func (m fileMark) same(o fileMark) bool {
	if m.path != o.path || m.info == nil || o.info == nil {
		return m.path == o.path && m.info == nil && o.info == nil
	}
	return m.info.Size() == o.info.Size() && m.info.ModTime().Equal(o.info.ModTime()) && os.SameFile(m.info, o.info)
}

// replaced tells whether another file stands in the place of the one marked: it was renamed there, so it is whole.
func (m fileMark) replaced(before fileMark) bool {
	return m.info != nil && (before.info == nil || !os.SameFile(m.info, before.info))
}

// fileMarks are the marks of several files, in the order of their paths as configured.
type fileMarks []fileMark

func markFiles(paths []string) fileMarks {
	marks := make(fileMarks, len(paths))
	for i, path := range paths {
		marks[i].path = path
		if info, err := os.Stat(path); err == nil {
			marks[i].info = info
		}
	}
	return marks
}

func (m fileMarks) same(o fileMarks) bool { return slices.EqualFunc(m, o, fileMark.same) }

// again marks the same files anew.
func (m fileMarks) again() fileMarks {
	paths := make([]string, len(m))
	for i, f := range m {
		paths[i] = f.path
	}
	return markFiles(paths)
}

// missing returns the first file that is not there.
func (m fileMarks) missing() string {
	for _, f := range m {
		if f.info == nil {
			return f.path
		}
	}
	return ""
}

// settled tells whether files that changed since loaded may be read: each was renamed into place, or has stood
// still since before.
func (m fileMarks) settled(loaded, before fileMarks) bool {
	for i, f := range m {
		if !f.same(loaded[i]) && !f.replaced(loaded[i]) && !f.same(before[i]) {
			return false
		}
	}
	return true
}
