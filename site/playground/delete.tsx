// A button that asks once more before it deletes.
import { useState } from 'preact/hooks';

/** Two-step: what is deleted is gone. */
export const Delete = ({ onDelete }: { onDelete: () => void }) => {
  const [asked, setAsked] = useState(false);
  return asked ? (
    <span class="row">
      <button type="button" class="danger" onClick={onDelete}>
        Delete it for good
      </button>
      <button type="button" onClick={() => setAsked(false)}>
        Keep it
      </button>
    </span>
  ) : (
    <button type="button" onClick={() => setAsked(true)}>
      Delete from the corpus…
    </button>
  );
};
