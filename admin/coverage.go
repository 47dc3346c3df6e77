package admin

import "net/http"

// MapRequest asks whom a pool serves from where.
type MapRequest struct {
	Pool   string
	Down   []string // servers to be taken for down: names, globs, sites
	Bare   bool     // the picture brings no style along
	Legend bool
}

// Map is that in numbers and as a picture.
type Map struct {
	Coverage Coverage
	SVG      []byte
}

// Coverage is which part of the world each server of a pool serves. Shares are those of land, 0 to 1, and distances
// great circles in kilometres, null where they are not known.
type Coverage struct {
	Pool        string            `json:"pool"`
	Down        []string          `json:"down"` // servers assumed down
	HealthKnown bool              `json:"health_known"`
	Notes       []string          `json:"notes"`     // what the map does not show
	Servers     []CoverageServer  `json:"servers"`   // of the pool, and behind them of its fallback
	Countries   []CoverageCountry `json:"countries"` // by name
}

// CoverageServer is what a server serves.
type CoverageServer struct {
	Name       string   `json:"name"`
	Site       string   `json:"site"`
	State      string   `json:"state"` // "up", "drained", "down"
	Fallback   bool     `json:"fallback"`
	Colour     int      `json:"colour"` // the class of its area in the picture: 3 for s3
	Share      float64  `json:"share"`
	Countries  int      `json:"countries"` // all or some of each
	KM         *float64 `json:"km"`        // mean
	FarthestKM *float64 `json:"farthest_km"`
}

// CoverageCountry is who serves a country.
type CoverageCountry struct {
	Code       string          `json:"code"` // ISO 3166-1
	Name       string          `json:"name"`
	Servers    []CoverageShare `json:"servers"` // the greatest share first
	Unanswered float64         `json:"unanswered"`
	KM         *float64        `json:"km"` // mean
	MedianKM   *float64        `json:"median_km"`
}

// CoverageShare is what a server serves of a country.
type CoverageShare struct {
	Server string   `json:"server"`
	Share  float64  `json:"share"`
	KM     *float64 `json:"km"`
}

// mapRoutes are the routes of maps.
func mapRoutes() []route {
	return []route{
		{method: "GET", path: "/v1/map", need: Read, kind: svgType, answer: "", serve: picture,
			about: "a map of whom a pool serves from where; down, which may stand several times, names servers to be taken for down; " +
				"with bare=1 it brings no style along, for a page with /map.css; with legend=0 no legend",
			query: []string{"pool*", "down", "bare", "legend"}},
		{method: "GET", path: "/v1/coverage", need: Read, about: "the map in numbers: who serves each country, and from how far",
			query: []string{"pool*", "down"}, answer: Coverage{},
			serve: func(c *call) (any, error) {
				m, err := c.source.Map(c.Context(), mapRequest(c))
				return m.Coverage, err
			}},
		{method: "GET", path: "/map.css", need: Nothing, about: "the rules for the classes of a map", kind: cssType, answer: "",
			serve: func(c *call) (any, error) { return document{cssType, []byte(c.source.MapCSS())}, nil }},
	}
}

const (
	svgType = "image/svg+xml"
	cssType = "text/css"
)

func mapRequest(c *call) MapRequest {
	q := c.URL.Query()
	return MapRequest{Pool: q.Get("pool"), Down: q["down"], Bare: q.Get("bare") == "1", Legend: q.Get("legend") != "0"}
}

func picture(c *call) (any, error) {
	m, err := c.source.Map(c.Context(), mapRequest(c))
	return document{svgType, m.SVG}, err
}

// document is an answer that is written already.
type document struct {
	kind string
	body []byte
}

// picturePolicy lets a picture that is opened by itself have its own style, and nothing else.
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

func (d document) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", d.kind)
	if d.kind == svgType {
		h.Set("Content-Security-Policy", picturePolicy)
	}
	h.Set("Cache-Control", "no-store")
	send(w, r, http.StatusOK, d.body)
}
