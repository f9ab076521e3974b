// Headers that carry a secret of this process: only who started the Workers knows it.

/** From the front to the edge. */
export const FRONT_HEADER = 'sift-front-secret';
/** To the local Vectorize's HTTP and switches. */
export const VECTORIZE_HEADER = 'vectorize-local-secret';
