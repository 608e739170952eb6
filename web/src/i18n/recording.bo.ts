/** The same in Tibetan. AWAITING A NATIVE REVIEWER, as portal.bo.ts says. */
import type { RecordingKey } from "./recording.zh";
import type { Texts } from "./translate";

export const bo: Texts<RecordingKey> = {
  ask: "ཁྱེད་ཀྱིས་ད་ལྟ་གསུངས་པའི་སྒྲ་དེ་ང་ཚོས་ཉར་ན་འགྲིག་གམ། རོགས་པས་དེ་བེད་སྤྱད་ནས་ཉན་རྒྱུ་སྦྱོང་གི་ཡིན། མ་ཉར་ནའང་འགྲིག",
  yes: "འགྲིག",
  no: "མ་འགྲིག",
  sending: "ཉར་བཞིན་ཡོད།",
  kept: "སྒྲ་ཉར་ཟིན། ཐུགས་རྗེ་ཆེ།",
  remove: "ཡང་བསྐྱར་སུབས།",
  removed: "སྒྲ་དེ་བསུབས་ཟིན།",
  failed: "མ་འགྲུབ། ཏོག་ཙམ་སྒུག་ནས་ཡང་བསྐྱར་ཚོད་ལྟ་གནང་རོགས།",
  again: "ཡང་བསྐྱར།",
};
