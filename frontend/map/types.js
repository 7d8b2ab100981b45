/**
 * What the server gives the page (webapp/maps/serializers.py).
 * @typedef {{minimum: number, maximum: number, breaks: number[]}} Scale
 * @typedef {{id: number, tag: string, is_current: boolean, learner: string, data_cutoff: string, published_at: string,
 *   incident_count: number, slot_starts: string[], horizon_end: string, grid_digest: string, cell_count: number,
 *   totals: number[][], scale: Record<string, Scale>}} Run
 * @typedef {{code: string, name: string}} Category
 * @typedef {{jurisdiction: {code: string, name: string, time_zone: string, slot_start_hours: number[], operators: number,
 *   cameras_per_operator: number, is_simulated: boolean, note: string}, bounds: [number, number, number, number],
 *   boundary: object, grid: {digest: string, cell_count: number, resolution: number} | null, categories: Category[],
 *   run: Run | null, allowed: string[], hasLive?: boolean}} Start hasLive: added by the page
 */
export {};
